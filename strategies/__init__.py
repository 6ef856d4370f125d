"""Strategies: Optuna samplers that propose only networks of a space, inside its window."""

from regnas.strategies.feasible import FeasibleSampler

__all__ = ["FeasibleSampler"]
