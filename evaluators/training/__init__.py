"""The evaluator ``train``: trains each candidate on a device."""
