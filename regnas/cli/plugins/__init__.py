"""Commands on plug-ins: those that are there, and new ones."""
