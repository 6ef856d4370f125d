"""Controllers: laws over rows of tokens, with log-probabilities that have gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from regnas.strategies.models.decisions import Bools, Tokens

Floats = npt.NDArray[np.float64]
_NEVER = -1e9  # the logit of a token that a decision does not have


class Policy(nn.Module):
    """One softmax for each decision, which may depend on the tokens before it."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        none = torch.arange(max(sizes)) >= torch.tensor(self.sizes)[:, None]
        self.register_buffer("absent", none * _NEVER)  # (decisions, largest)

    def logits(self, tokens: Tensor) -> Tensor:
        """Of all decisions: ``(n, decisions)`` to ``(n, decisions, largest)``; of each, after the tokens before it."""
        raise NotImplementedError

    def log_laws(self, tokens: Tensor) -> Tensor:
        """Log-probabilities of every token, ``(n, decisions)`` to ``(n, decisions, largest)``."""
        return torch.log_softmax(self.logits(tokens) + self.get_buffer("absent"), dim=-1)

    def judged(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy in nats of every decision, ``(n, decisions)`` both."""
        laws = self.log_laws(tokens)
        return laws.gather(-1, tokens[..., None])[..., 0], -(laws.exp() * laws).sum(-1)

    def likeliest(self, take: Callable[[Tokens, int], Bools], pins: Sequence[int]) -> Tokens:
        """The likeliest token of one decision after the other, ``(decisions,)``; arguments as of `draw`."""
        found = np.zeros((1, len(self.sizes)), dtype=np.int64)
        law = self.laws_in_turn(1)
        for place in range(len(self.sizes)):
            token = int(law(found, place)[0].argmax())
            found[:, place] = np.where(take(found, place), token, pins[place])
        chosen: Tokens = found[0]
        return chosen

    def laws_in_turn(self, rows: int) -> Callable[[Tokens, int], Floats]:
        """What gives the log-probabilities of one decision after the other, each asked for once.

        Args:
            rows: of tokens that are drawn together.

        Returns:
            A function of the tokens, ``(n, decisions)``, of which those before the decision are looked at, and of its
            place; it returns ``(n, size)``, of the tokens that the decision has.
        """

        @torch.no_grad()
        def law(tokens: Tokens, place: int) -> Floats:
            laws: Floats = self.log_laws(torch.from_numpy(tokens))[:, place, : self.sizes[place]].double().numpy()
            return laws

        return law

    def draw(
        self, uniforms: Floats, take: Callable[[Tokens, int], Bools], pins: Sequence[int]
    ) -> tuple[Tokens, Floats]:
        """Rows of tokens.

        Args:
            uniforms: ``(n, decisions)``, in [0, 1).
            take: as `regnas.strategies.models.decisions.Decisions.to_take`.
            pins: the tokens of decisions that are not taken.

        Returns:
            ``(n, decisions)`` both: tokens, and their log-probabilities.
        """
        found = np.zeros(uniforms.shape, dtype=np.int64)
        chances = np.zeros(uniforms.shape)
        law = self.laws_in_turn(len(uniforms))
        for place, size in enumerate(self.sizes):
            logs = law(found, place)
            bounds = np.cumsum(np.exp(logs), axis=1)
            drawn = (uniforms[:, place, None] * bounds[:, -1:] >= bounds).sum(axis=1)
            found[:, place] = np.where(take(found, place), np.minimum(drawn, size - 1), pins[place])
            chances[:, place] = logs[np.arange(len(found)), found[:, place]]
        return found, chances


class SoftmaxPolicy(Policy):
    """Decisions that know nothing of each other, each with logits of its own.

    Source: NATS-Bench (Dong et al. 2021), ``reinforce.py`` of AutoDL-Projects: logits start at 1e-3 N(0, 1).
    """

    def __init__(self, sizes: Sequence[int], *, generator: torch.Generator) -> None:
        super().__init__(sizes)
        self.theta = nn.Parameter(1e-3 * torch.randn(len(self.sizes), max(sizes), generator=generator))

    def logits(self, tokens: Tensor) -> Tensor:
        return self.theta.expand(len(tokens), -1, -1)

    def laws_in_turn(self, rows: int) -> Callable[[Tokens, int], Floats]:
        laws = self._laws()
        return lambda tokens, place: np.broadcast_to(laws[place, : self.sizes[place]], (rows, self.sizes[place]))

    @torch.no_grad()
    def _laws(self) -> Floats:
        """Log-probabilities of all decisions, ``(decisions, largest)``."""
        laws: Floats = torch.log_softmax(self.theta + self.get_buffer("absent"), dim=-1).double().numpy()
        return laws

    def draw(
        self, uniforms: Floats, take: Callable[[Tokens, int], Bools], pins: Sequence[int]
    ) -> tuple[Tokens, Floats]:
        logs = self._laws()
        bounds = np.cumsum(np.exp(logs), axis=1)
        found = np.minimum((uniforms[:, :, None] * bounds[:, -1:] >= bounds).sum(axis=2), np.array(self.sizes) - 1)
        for place, pin in enumerate(pins):
            found[~take(found, place), place] = pin
        return found, logs[np.arange(len(pins)), found]


class RecurrentPolicy(Policy):
    """An LSTM over the decisions, that reads an embedding of the token before.

    Every decision has a softmax and an embedding of its own. All weights start uniform in [-start, start].

    Source: Zoph and Le 2017 (arXiv 1611.01578), section 3; NASNet's is of one layer (1707.07012, appendix A.2).
    """

    def __init__(
        self, sizes: Sequence[int], *, layers: int, units: int, start: float, generator: torch.Generator
    ) -> None:
        super().__init__(sizes)
        decisions, largest = len(self.sizes), max(sizes)
        self.embedding = nn.Parameter(torch.empty(decisions, largest, units))  # of a decision's token
        self.first = nn.Parameter(torch.empty(units))  # what is read before the first decision
        self.lstm = nn.LSTM(units, units, layers, batch_first=True)
        self.heads = nn.Parameter(torch.empty(decisions, largest, units))
        self.biases = nn.Parameter(torch.empty(decisions, largest))
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_((2 * torch.rand(weight.shape, generator=generator) - 1) * start)

    def logits(self, tokens: Tensor) -> Tensor:
        places = torch.arange(len(self.sizes) - 1)
        before = self.embedding[places, tokens[:, :-1]]
        read = torch.cat([self.first.expand(len(tokens), 1, -1), before], dim=1)
        states, _ = self.lstm(read)
        return torch.einsum("ndu,dlu->ndl", states, self.heads) + self.biases

    def laws_in_turn(self, rows: int) -> Callable[[Tokens, int], Floats]:
        embedding, first, heads, biases = (
            one.detach().numpy() for one in (self.embedding, self.first, self.heads, self.biases)
        )
        step = _stepper(self.lstm, rows)

        def law(tokens: Tokens, place: int) -> Floats:
            size = self.sizes[place]
            out = step(embedding[place - 1, tokens[:, place - 1]] if place else np.repeat(first[None], rows, axis=0))
            logits = (out @ heads[place, :size].T + biases[place, :size]).astype(np.float64)
            logits -= logits.max(axis=1, keepdims=True)
            laws: Floats = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            return laws

        return law


def _stepper(lstm: nn.LSTM, rows: int) -> Callable[[Any], Any]:
    """One step of an LSTM after the other, ``(rows, units)`` to the same, from states of zero.

    In numpy, without a gradient: a step of a few rows is less than what a call of torch costs. As of torch, the gates
    are input, forget, cell and output; sigmoid(z) is (1 + tanh(z / 2)) / 2.
    """
    units = lstm.hidden_size
    layers = []
    for weights in lstm.all_weights:
        into, within, bias_in, bias_within = (one.detach().numpy() for one in weights)
        layers.append((np.ascontiguousarray(np.concatenate([into, within], axis=1).T), bias_in + bias_within))
    states = [(np.zeros((rows, units), dtype=np.float32), np.zeros((rows, units), dtype=np.float32)) for _ in layers]
    scale = np.full(4 * units, 0.5, dtype=np.float32)
    scale[2 * units : 3 * units] = 1.0
    shift = 1 - scale

    def step(read: Any) -> Any:
        for number, (weight, bias) in enumerate(layers):
            out, cell = states[number]
            gates = np.concatenate([read, out], axis=1) @ weight
            gates += bias
            gates *= scale
            np.tanh(gates, out=gates)
            gates *= scale
            gates += shift
            entering, kept, new, shown = (gates[:, at : at + units] for at in range(0, 4 * units, units))
            cell = kept * cell + entering * new
            read = shown * np.tanh(cell)
            states[number] = read, cell
        return read

    return step
