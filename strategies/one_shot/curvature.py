"""How sharply the loss bends in the alphas, and when that says that a search is over.

Source: Zela et al. 2020 (Understanding and Robustifying Differentiable Architecture Search, arXiv 1909.09656), section
4.3: networks that are derived where the largest eigenvalue of this Hessian is large generalise worse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np
import torch
from torch import Tensor

WINDOW, BACK, RATIO = 5, 5, 0.75  # of the paper: epochs of a mean, epochs between two means, and their least ratio
_TOLERANCE = 1e-2  # of the eigenvalue, whose batch alone makes more of a difference


@dataclass(frozen=True)
class Curvature:
    """How sharply a loss bends.

    Attributes:
        eigenvalue: the largest of the Hessian; NaN where the loss is no finite number.
        passes: through the network: one forward with its gradient, and one for every product of Hessian and vector.
    """

    eigenvalue: float
    passes: int


def curvature_of(loss: Callable[[], Tensor], alphas: Sequence[Tensor], generator: np.random.Generator) -> Curvature:
    """Of the loss in the alphas, by Lanczos on the Hessian's products with vectors.

    Args:
        loss: of the alphas as they are when it is called.
        alphas: of any shapes ``(...)``.
        generator: of the direction to begin with.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    gradients = torch.autograd.grad(loss(), alphas, create_graph=True)
    slope, passes = torch.cat([one.reshape(-1) for one in gradients]), 1
    if not bool(torch.isfinite(slope).all()):
        return Curvature(float("nan"), passes)

    def product(vector: np.ndarray) -> np.ndarray:
        nonlocal passes
        passes += 1
        along = torch.from_numpy(vector.reshape(-1)).to(slope)
        found = torch.autograd.grad(slope, alphas, along, retain_graph=True, materialize_grads=True)
        whole: np.ndarray = torch.cat([one.reshape(-1) for one in found]).cpu().double().numpy()
        return whole

    size = len(slope)
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    start = generator.standard_normal(size)
    (value,) = eigsh(operator, k=1, which="LA", v0=start, tol=_TOLERANCE, ncv=min(12, size), return_eigenvectors=False)
    return Curvature(float(value), passes)


def taken(curvatures: Sequence[float], after: int) -> int | None:
    """The epoch, from 1, whose network is to be taken, as the search should have ended there; None to go on.

    The mean over five epochs is compared with that of five epochs before, as soon as the former is known: where the
    latter is below three quarters of it, the network of the middle of the earlier five is taken.

    Args:
        curvatures: the eigenvalue of every epoch so far.
        after: no earlier epoch is taken.
    """
    epoch = len(curvatures) - WINDOW // 2 - BACK
    if epoch < after or len(curvatures) < WINDOW + BACK:
        return None
    now, before = mean(curvatures[-WINDOW:]), mean(curvatures[-WINDOW - BACK : -BACK])
    return epoch if before < RATIO * now else None
