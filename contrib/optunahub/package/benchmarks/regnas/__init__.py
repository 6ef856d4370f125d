"""Recorded trainings of networks as a problem; the code is in regnas."""

from regnas.hosts.optunahub import Problem

__all__ = ["Problem"]
