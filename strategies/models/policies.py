"""Controllers: laws over rows of tokens, with log-probabilities that have gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from regnas.strategies.models.decisions import Bools, Tokens

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

    @torch.no_grad()
    def likeliest(self, take: Callable[[Tokens, int], Bools], pins: Sequence[int]) -> Tokens:
        """The likeliest token of one decision after the other, ``(decisions,)``; arguments as of `draw`."""
        found = np.zeros((1, len(self.sizes)), dtype=np.int64)
        law = self.laws_in_turn(1)
        for place in range(len(self.sizes)):
            token = int(law(found, place)[0].argmax())
            found[:, place] = np.where(take(found, place), token, pins[place])
        chosen: Tokens = found[0]
        return chosen

    def laws_in_turn(self, rows: int) -> Callable[[Tokens, int], Tensor]:
        """What gives the log-probabilities of one decision after the other, each asked for once.

        Args:
            rows: of tokens that are drawn together.

        Returns:
            A function of the tokens, ``(n, decisions)``, of which those before the decision are looked at, and of its
            place; it returns ``(n, largest)``.
        """
        return lambda tokens, place: self.log_laws(torch.from_numpy(tokens))[:, place]

    @torch.no_grad()
    def draw(
        self,
        uniforms: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
        take: Callable[[Tokens, int], Bools],
        pins: Sequence[int],
    ) -> tuple[Tokens, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
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
            logs = law(found, place)[:, :size].double().numpy()
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

    def laws_in_turn(self, rows: int) -> Callable[[Tokens, int], Tensor]:
        laws = torch.log_softmax(self.theta + self.get_buffer("absent"), dim=-1)
        return lambda tokens, place: laws[place].expand(rows, -1)


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

    def laws_in_turn(self, rows: int) -> Callable[[Tokens, int], Tensor]:
        state: tuple[Tensor, Tensor] | None = None
        absent = self.get_buffer("absent")

        def law(tokens: Tokens, place: int) -> Tensor:
            nonlocal state
            before = torch.from_numpy(tokens[:, place - 1])
            read = self.embedding[place - 1, before] if place else self.first.expand(rows, -1)
            out, state = self.lstm(read[:, None], state)
            return torch.log_softmax(out[:, 0] @ self.heads[place].T + self.biases[place] + absent[place], dim=-1)

        return law
