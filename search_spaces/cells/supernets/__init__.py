"""Modules that hold all cells of a space at once."""
