"""Strategies that are programs of their own: the process, and what is said to it."""
