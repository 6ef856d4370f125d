"""Regularised evolution for Optuna; the code is in regnas."""

from regnas.strategies.any_space import RegularizedEvolutionSampler

__all__ = ["RegularizedEvolutionSampler"]
