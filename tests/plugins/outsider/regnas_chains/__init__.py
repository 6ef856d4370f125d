"""Chains of operations for regnas."""
