"""Proposals of RegNet points narrowed to where a window can be met."""
