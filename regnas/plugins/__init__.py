"""Plug-ins: entry points by name, and the spec strings that name them."""
