"""An ensemble of small networks that predicts errors from tokens of any length: the predictors of progressive search.

Source: Liu et al. 2018 (arXiv 1712.00559), section 4.2: an LSTM over the tokens, or an MLP on the mean of their
embeddings; five members, each fitted anew to four fifths of the results; L1 loss. Tokens of one kind, such as the
operations of all edges, share an embedding. Targets are standardised here and the output is linear, where the paper has
a sigmoid around the mean accuracy: what counts is the order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from regnas.errors import UsageError
from regnas.sampling import keyed
from regnas.strategies.models.decisions import Bools, Tokens

PREDICTORS = ("mlp", "lstm")
MEMBERS = 5
_EMBEDDING, _UNITS = 16, 64
_STEPS, _RATE = 100, 0.01


def kinds_of(names: Sequence[str]) -> list[int]:
    """The kind of every decision: names that differ in numbers and sides alone, ``normal_0_op_x``, are of one."""
    stems = [re.sub(r"_[xy]$", "", re.sub(r"\d+", "#", name)) for name in names]
    order = list(dict.fromkeys(stems))
    return [order.index(stem) for stem in stems]


class _Member(nn.Module):
    """Embeddings of tokens, and what makes a number of them.

    Args:
        kinds: of every decision.
        sizes: tokens of every decision.
    """

    def __init__(self, kinds: Sequence[int], sizes: Sequence[int]) -> None:
        super().__init__()
        self.kinds = list(kinds)
        self.embedding = nn.Parameter(0.3 * torch.randn(max(kinds) + 1, max(sizes), _EMBEDDING))

    def embedded(self, tokens: Tensor) -> Tensor:
        """``(n, decisions)`` to ``(n, decisions, embedding)``."""
        return self.embedding[torch.tensor(self.kinds), tokens]


class _MLP(_Member):
    """Two layers on the mean embedding of every kind of token, and the number of tokens of each."""

    def __init__(self, kinds: Sequence[int], sizes: Sequence[int]) -> None:
        super().__init__(kinds, sizes)
        of = torch.zeros(len(kinds), max(kinds) + 1)
        of[torch.arange(len(kinds)), torch.tensor(self.kinds)] = 1
        self.register_buffer("of", of)
        width = (max(kinds) + 1) * (_EMBEDDING + 1)
        layers = [nn.Linear(width, _UNITS), nn.ReLU(), nn.Linear(_UNITS, _UNITS), nn.ReLU(), nn.Linear(_UNITS, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, tokens: Tensor, taken: Tensor) -> Tensor:
        share = taken[..., None] * self.get_buffer("of")  # (n, decisions, kinds)
        counts = share.sum(1)
        means = torch.einsum("ndk,nde->nke", share, self.embedded(tokens)) / counts.clamp_min(1)[..., None]
        most = self.get_buffer("of").sum(0)
        found: Tensor = self.layers(torch.cat([means.flatten(1), counts / most], dim=1))[:, 0]
        return found


class _LSTM(_Member):
    """One layer over the tokens that are taken, in the order of the decisions."""

    def __init__(self, kinds: Sequence[int], sizes: Sequence[int]) -> None:
        super().__init__(kinds, sizes)
        self.lstm = nn.LSTM(_EMBEDDING, _UNITS, batch_first=True)
        self.head = nn.Linear(_UNITS, 1)

    def forward(self, tokens: Tensor, taken: Tensor) -> Tensor:
        order = torch.argsort(taken, dim=1, descending=True, stable=True)  # what is taken first, in its order
        read = torch.gather(self.embedded(tokens), 1, order[..., None].expand(-1, -1, _EMBEDDING))
        states, _ = self.lstm(read)
        last = taken.sum(1).long().clamp_min(1) - 1
        found: Tensor = self.head(states[torch.arange(len(tokens)), last])[:, 0]
        return found


class SmallNetworks:
    """Five small networks, whose mean is the prediction.

    Args:
        predictor: ``mlp`` or ``lstm``.
        names, sizes: of the decisions, as of `regnas.strategies.models.decisions.Decisions`.
        seed: of weights and of which fifth each member leaves out.

    Raises:
        UsageError: no such predictor.
    """

    def __init__(self, predictor: str, names: Sequence[str], sizes: Sequence[int], seed: int) -> None:
        if predictor not in PREDICTORS:
            raise UsageError(f"predictor of strategy pnas is one of {', '.join(PREDICTORS)}, got {predictor!r}")
        self._made = _MLP if predictor == "mlp" else _LSTM
        self._kinds, self._sizes, self._seed = kinds_of(names), tuple(sizes), seed
        self._members: list[nn.Module] = []
        self._mean, self._sd = 0.0, 1.0

    def fit(self, tokens: Tokens, taken: Bools, errors: npt.NDArray[np.float64]) -> None:
        """Fit anew to results.

        Args:
            tokens, taken: ``(n, decisions)``.
            errors: ``(n,)``.
        """
        self._mean, self._sd = float(errors.mean()), float(errors.std()) or 1.0
        target = torch.from_numpy((errors - self._mean) / self._sd).float()
        rows, active = torch.from_numpy(tokens), torch.from_numpy(taken).float()
        folds = keyed.generator("folds", self._seed, len(errors)).permutation(len(errors)) % MEMBERS
        self._members = []
        for member in range(MEMBERS):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(keyed.integer("member", self._seed, member))
                network = self._made(self._kinds, self._sizes)
            kept = torch.from_numpy(
                np.flatnonzero(folds != member) if len(errors) >= MEMBERS else np.arange(len(errors))
            )
            self._members.append(_fitted(network, rows[kept], active[kept], target[kept]))

    @torch.no_grad()
    def predict(self, tokens: Tokens, taken: Bools) -> npt.NDArray[np.float64]:
        """Errors of networks, ``(n, decisions)`` to ``(n,)``."""
        rows, active = torch.from_numpy(tokens), torch.from_numpy(taken).float()
        found = torch.stack([member(rows, active) for member in self._members]).mean(0)
        return np.asarray(found.double().numpy() * self._sd + self._mean)


def _fitted(network: nn.Module, rows: Tensor, active: Tensor, target: Tensor) -> nn.Module:
    adam = torch.optim.Adam(network.parameters(), lr=_RATE, weight_decay=1e-4)
    for step in range(_STEPS):
        adam.param_groups[0]["lr"] = 0.5 * _RATE * (1 + math.cos(math.pi * step / _STEPS))
        adam.zero_grad()
        (network(rows, active) - target).abs().mean().backward()
        adam.step()
    return network.eval()
