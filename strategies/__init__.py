"""Strategies: Optuna samplers that propose only networks of a space, inside its window."""

from regnas.strategies.sampling.feasible import FeasibleSampler

__all__ = ["FeasibleSampler"]
