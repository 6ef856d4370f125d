"""Trained networks as files that other runtimes load, with their preprocessing."""
