"""Pruners: which trainings go on, which pause, which end."""
