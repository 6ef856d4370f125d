"""Networks of stages: AnyNet and RegNet, their costs, modules, spaces, presets and formats."""
