"""What REINFORCE and PPO share: a policy that proposes networks and hears what became of them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial
from torch import Tensor

from regnas.design_space import Space
from regnas.sampler import Feedback, Origin
from regnas.strategies.models.decisions import Bools, Decisions, Tokens
from regnas.strategies.models.policies import Policy, RecurrentPolicy, SoftmaxPolicy
from regnas.strategies.models.policy_gradient import Baseline, reward
from regnas.strategies.sampling.joint import ProposesWhole

if TYPE_CHECKING:
    from optuna.study import Study

_ROWS = 16  # drawn at once
_DRAWS = 16  # rows of a proposal before one that cannot be is left to the sampler around


@dataclass(frozen=True)
class Episode:
    """A network with its reward, as an update sees it.

    Attributes:
        tokens, taken: ``(decisions,)``, those of the network that was trained.
        old: ``(decisions,)``, log-probabilities when it was proposed.
    """

    tokens: Tokens
    taken: Bools
    old: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    reward: float


class Controller(ProposesWhole):
    """The inner sampler. Its state is a function of its seed and of what it heard, in that order.

    Every trial that ended well is an episode: the tokens are those of the network that was trained, also where it
    stands for a proposal outside the window. A failed or a pruned trial has no reward and is none, nor is a network
    that the policy did not choose. A proposal that was evaluated before is no trial: up to ``repeats`` of them for each
    trial are episodes with the reward on record, heard with the trial that they came before; then a neighbour of the
    last one is evaluated, which is no episode.

    Args:
        seed: of the first weights.
        options: ``controller``, ``layers``, ``units``, ``start``, ``bins``, ``rate``, ``entropy``, ``baseline``,
            ``decay``, ``power``, ``repeats``.
        reject: whether no network is evaluated twice.
    """

    def __init__(self, space: Space, options: dict[str, Any], *, seed: int, reject: bool = True) -> None:
        super().__init__(space)
        self._options, self._reject = options, reject
        self.decisions = Decisions(space, options["bins"])
        generator = torch.Generator().manual_seed(seed)
        self.policy: Policy | None = _policy(self.decisions.sizes, options, generator)
        weights = [] if self.policy is None else list(self.policy.parameters())
        self._adam = torch.optim.Adam(weights, lr=options["rate"]) if weights else None
        self._baseline = Baseline(options["baseline"], options["decay"])
        self._waiting: list[tuple[Episode, float]] = []
        self._rewards: dict[bytes, float] = {}  # by tokens; the network's own where it was trained
        self.rekey(0)

    def rekey(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._repeats: list[list[int]] = []
        self._latest: dict[str, Any] = {}
        self._left: list[tuple[Tokens, Any]] = []

    # --- proposals ------------------------------------------------------------------------------------------

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self.policy is None:
            return {}  # nothing is free
        for number in range(_DRAWS):
            tokens, chances = self._drawn(self.policy)
            point = self.decisions.point(tokens)
            if self._reject and self._key(point) in self._rewards:
                again = len(self._repeats) < self._options["repeats"]
                if again:
                    self._repeats.append(tokens.tolist())
                    continue
            elif self._space.judge(point) is None and number < _DRAWS - 1:
                continue
            break
        self._latest = {"tokens": tokens.tolist(), "log_probs": chances.tolist()}
        return {name: point[name] for name in search_space}

    def _drawn(self, policy: Policy) -> tuple[Tokens, Any]:
        if not self._left:
            uniforms = self._rng.random((_ROWS, len(self.decisions.sizes)))
            found, chances = policy.draw(uniforms, self.decisions.to_take, self.decisions.pins)
            self._left = list(zip(found, chances, strict=True))
        return self._left.pop(0)

    def record(self) -> Any:
        return {**self._latest, "repeats": self._repeats}

    # --- results --------------------------------------------------------------------------------------------

    def hear(self, feedback: Feedback) -> None:
        if self.policy is None:
            return
        record = feedback.record or {}
        for row in record.get("repeats", ()):
            self._repeated(np.array(row, dtype=np.int64))
        if feedback.error is None or feedback.pruned:
            return
        earned = reward(feedback.error, self._options["power"])
        tokens, taken = self.decisions.tokens(feedback.params)
        self._rewards[self._key(feedback.params)] = earned
        if feedback.origin not in (Origin.OWN, Origin.NEAREST):
            return
        said = record.get("tokens") == tokens.tolist()
        old = np.array(record["log_probs"]) if said else self._now(tokens)
        self.learn(Episode(tokens, taken, np.where(taken, old, 0.0), earned))

    def _repeated(self, tokens: Tokens) -> None:
        """An episode of a network that was trained before, with today's log-probabilities as the old ones."""
        point = self.decisions.point(tokens)
        known = self._rewards.get(self._key(point))
        if known is not None:
            whole, taken = self.decisions.tokens(point)
            self.learn(Episode(whole, taken, np.where(taken, self._now(whole), 0.0), known))

    def _key(self, point: Any) -> bytes:
        return repr(sorted(point.items())).encode()

    @torch.no_grad()
    def _now(self, tokens: Tokens) -> Any:
        assert self.policy is not None
        return self.policy.judged(torch.from_numpy(tokens[None]))[0][0].double().numpy()

    def learn(self, episode: Episode) -> None:
        """Take up the next episode, in the order in which results were heard; ``batch`` of them make an update."""
        self._waiting.append((episode, self._baseline.advantage(episode.reward)))
        if len(self._waiting) < self._options["batch"] or self.policy is None:
            return
        batch, self._waiting = self._waiting, []
        self.update(self.policy, [one for one, _ in batch], torch.tensor([advantage for _, advantage in batch]))

    @abstractmethod
    def update(self, policy: Policy, episodes: list[Episode], advantages: Tensor) -> None:
        """Learn from a batch.

        Args:
            advantages: ``(n,)``, of the rewards over their moving average.
        """

    def descend(self, loss: Tensor) -> None:
        """One step of Adam down a loss, ``()``."""
        if self._adam is not None:
            self._adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._adam.step()


def stacked(episodes: list[Episode]) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, whether each is taken, and old log-probabilities of several episodes, ``(n, decisions)`` each."""
    tokens, taken, old = (np.stack(rows) for rows in zip(*((e.tokens, e.taken, e.old) for e in episodes), strict=True))
    return torch.from_numpy(tokens), torch.from_numpy(taken), torch.from_numpy(old).float()


def _policy(sizes: tuple[int, ...], options: dict[str, Any], generator: torch.Generator) -> Policy | None:
    if not sizes:
        return None
    if options["controller"] == "softmax":
        return SoftmaxPolicy(sizes, generator=generator)
    shape = {name: options[name] for name in ("layers", "units", "start")}
    return RecurrentPolicy(sizes, generator=generator, **shape)
