"""Spaces of the networks that a table knows."""
