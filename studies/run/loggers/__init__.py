"""Loggers of a search: experiment trackers of others (`regnas.logger`)."""
