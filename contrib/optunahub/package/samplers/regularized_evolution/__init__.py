"""Regularised evolution for Optuna; the code is in regnas."""

from regnas.strategies.sampling.any_space import RegularizedEvolutionSampler

__all__ = ["RegularizedEvolutionSampler"]
