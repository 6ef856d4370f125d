"""Samplers that stay inside a window of complexity; the code is in regnas."""

from regnas import space
from regnas.strategies import FeasibleSampler

__all__ = ["FeasibleSampler", "space"]
