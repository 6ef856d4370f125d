"""Comparing design spaces: running their populations, judging them, and the report."""
