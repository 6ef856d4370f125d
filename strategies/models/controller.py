"""What REINFORCE and PPO share: a policy that proposes networks and hears what became of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial
from torch import Tensor

from regnas.describe import summary
from regnas.design_space import Space
from regnas.errors import InvalidArchitecture
from regnas.sampler import Feedback, Origin
from regnas.sampling.batch import Params
from regnas.sampling.moves import feasible_mutant
from regnas.sampling.screening import Tally, screen
from regnas.strategies.models.decisions import Bools, Decisions, Tokens
from regnas.strategies.models.policies import Policy, RecurrentPolicy, SoftmaxPolicy
from regnas.strategies.models.policy_gradient import Baseline, lowest, reward
from regnas.strategies.models.schedule import Schedule
from regnas.strategies.sampling.joint import ProposesWhole

if TYPE_CHECKING:
    from optuna.study import Study

_ROWS = 16  # drawn at once
_DRAWS = 16  # rows of a proposal before one that cannot be is left to the sampler around, in an open window
_INSIDE = (16, 112, 512)  # the same inside a window, where rows are judged together
_KEPT = 100_000  # points whose networks are remembered
_ROWS_KEPT = 1_000  # rows of tokens whose points are: they may be long
_NEAR, _STEPS = 16, 32  # mutations of a proposal that was evaluated before, and with those of its mutants


@dataclass(frozen=True)
class Episode:
    """A network with its reward, as an update sees it.

    Attributes:
        tokens, taken: ``(decisions,)``, those of the network that was trained.
        old: ``(decisions,)``, log-probabilities when it was proposed; None for those of now, before the update.
    """

    tokens: Tokens
    taken: Bools
    old: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None
    reward: float


class Controller(ProposesWhole):
    """The inner sampler. Its state is a function of its seed and of what it heard, in that order.

    Every trial that ended well is an episode: the tokens are those of the network that was trained, also where it
    stands for a proposal outside the window. A failed or a pruned trial has no reward and is none, nor is a network
    that the policy did not choose. A proposal that was evaluated before is no trial: up to ``repeats`` of them for each
    trial are episodes with the reward on record, heard with the trial that they came before; then a network a few
    mutations from the last one is evaluated, which is no episode.

    Args:
        seed: of the first weights.
        options: ``controller``, ``layers``, ``units``, ``start``, ``bins``, ``rate``, ``entropy``, ``baseline``,
            ``decay``, ``power``, ``last``, ``repeats``.
        reject: whether no network is evaluated twice.
        schedule: by which networks grow: their size is then no decision.
    """

    def __init__(
        self,
        space: Space,
        options: dict[str, Any],
        *,
        seed: int,
        reject: bool = True,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(space)
        self._options, self._reject, self._schedule = options, reject, schedule
        self._part, self._of_sizes = space, dict[int, Decisions]()
        self.decisions = Decisions(space, options["bins"])
        self.part(0)
        generator = torch.Generator().manual_seed(seed)
        self.policy: Policy | None = _policy(self.decisions.sizes, options, generator)
        weights = [] if self.policy is None else list(self.policy.parameters())
        self._adam = torch.optim.Adam(weights, lr=options["rate"]) if weights else None
        self._baseline = Baseline(options["baseline"], options["decay"])
        self._waiting: list[tuple[Episode, float]] = []
        self._rewards: dict[str, float] = {}  # by the key of the network
        self._keys: dict[bytes, str] = {}  # of points
        self._places: dict[bytes, tuple[Params, Tokens, Bools]] = {}  # of rows
        self.rekey(0)

    def rekey(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._repeats: list[list[int]] = []
        self._stuck: dict[str, Any] | None = None
        self._latest: dict[str, Any] = {}
        self._left: list[tuple[Tokens, Any]] = []

    # --- proposals ------------------------------------------------------------------------------------------

    def part(self, index: int) -> Space:
        """The networks of the size that candidate ``index`` has by the schedule (`regnas.sampler.SupportsSchedule`)."""
        if self._schedule is not None:
            place = self._schedule.place(index)
            if place not in self._of_sizes:
                said = {self._schedule.name: self._schedule.sizes[place]}
                self._of_sizes[place] = Decisions(self._space, self._options["bins"], said)
            self.decisions, self._part = self._of_sizes[place], self._schedule.parts[place]
        return self._part

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self.policy is None:
            return {}  # nothing is free
        if self._stuck is None:
            point = self._point(self.policy)
        else:
            point = self._stuck
        return {name: point[name] for name in search_space}

    def _point(self, policy: Policy) -> Params:
        """The next proposal: of the policy, or where it repeats itself beyond what is learned from, one near to it."""
        rows = self._one_by_one(policy) if self._space.window.open else self._inside(policy)
        for tokens, chances in rows:
            point = self._place(tokens)[0]
            self._latest = {"tokens": tokens.tolist(), "log_probs": chances.tolist()}
            if not self._known(point):
                return point
            if len(self._repeats) >= self._options["repeats"]:
                break
            self._repeats.append(tokens.tolist())
        near = self._new_near(point)
        if near is not None:
            self._latest = {"strayed": True}
        return near or point

    def _new_near(self, point: Params) -> Params | None:
        """A network inside the window that was not evaluated, a few mutations away from one that was."""
        stay = _NEAR if self._space.window.open else 1  # in a window a mutation costs milliseconds
        for number in range(_STEPS):
            found = feasible_mutant(self._part, point, self._rng, tries=1)
            if found is not None and found.architecture.key() not in self._rewards:
                return found.params
            if found is not None and number >= stay:  # on, from where it is
                point = found.params
        return None

    def _known(self, point: Params) -> bool:
        return self._reject and self._key(point) in self._rewards

    def _one_by_one(self, policy: Policy) -> Iterator[tuple[Tokens, Any]]:
        """Rows that are networks, and at last whatever was drawn."""
        for number in range(_DRAWS):
            if not self._left:  # mostly the first will do
                self._left = list(self._drawn(policy, _ROWS - 1 if number else 1))
            row = self._left.pop(0)
            point = self._place(row[0])[0]
            if number == _DRAWS - 1 or self._known(point) or self._space.judge(point) is not None:
                yield row

    def _inside(self, policy: Policy) -> Iterator[tuple[Tokens, Any]]:
        """Rows inside the window, as rejection finds them: the policy's law conditioned on the window. Where all draws
        lie outside, the last one, which is said again however often it is asked for: a further attempt would draw as
        many in vain.
        """
        for count in _INSIDE:
            rows = list(self._drawn(policy, count))
            columns = self.decisions.columns(np.array([tokens for tokens, _ in rows]))
            for place, _ in screen(self._space, columns, Tally()):
                yield rows[place]
        self._stuck = self._place(rows[-1][0])[0]
        yield rows[-1]

    def _drawn(self, policy: Policy, count: int) -> Iterator[tuple[Tokens, Any]]:
        uniforms = self._rng.random((count, len(self.decisions.sizes)))
        return zip(*policy.draw(uniforms, self.decisions.to_take, self.decisions.pins), strict=True)

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
        earned = reward(lowest(feedback.error, feedback.errors, self._options["last"]), self._options["power"])
        tokens, taken = self.decisions.tokens(feedback.params)
        self._rewards[self._key(feedback.params)] = earned
        if feedback.origin not in (Origin.OWN, Origin.NEAREST) or record.get("strayed"):
            return
        said = record.get("tokens") == tokens.tolist()
        old = np.where(taken, np.array(record["log_probs"]), 0.0) if said else None
        self.learn(Episode(tokens, taken, old, earned))

    def _repeated(self, tokens: Tokens) -> None:
        """An episode of a network that was trained before, with today's log-probabilities as the old ones."""
        point, whole, taken = self._place(tokens)
        known = self._rewards.get(self._key(point))
        if known is not None:
            self.learn(Episode(whole, taken, None, known))

    def _place(self, tokens: Tokens) -> tuple[Params, Tokens, Bools]:
        """The point of one row, and its own tokens with those that are taken; a policy repeats itself."""
        row = tokens.tobytes()
        if row not in self._places:
            if len(self._places) >= _ROWS_KEPT:
                self._places.clear()
            point = self.decisions.point(tokens)
            self._places[row] = (point, *self.decisions.tokens(point))
        point, whole, taken = self._places[row]
        return dict(point), whole, taken

    def _key(self, point: Params) -> str:
        """The key of a point's network, which several points may have; empty where it has none."""
        place = repr(sorted(point.items())).encode()
        if place not in self._keys:
            if len(self._keys) >= _KEPT:
                self._keys.clear()
            try:
                self._keys[place] = self._space.decode(point).key()
            except InvalidArchitecture:
                self._keys[place] = ""
        return self._keys[place]

    # --- what it says ---------------------------------------------------------------------------------------

    @torch.no_grad()
    def remarks(self, study: Study) -> list[str]:
        """The entropy that is left of the policy in what it decides, the different networks that it saw, and the
        network of the likeliest tokens, chosen one after the other, with its error where it was trained.
        """
        if self.policy is None:
            return []
        grown = self._grown(len(study.get_trials(deepcopy=False)))
        uniforms = np.random.default_rng(0).random((_ROWS, len(self.decisions.sizes)))
        drawn, _ = self.policy.draw(uniforms, self.decisions.to_take, self.decisions.pins)
        taken = torch.tensor(np.stack([self.decisions.to_take(drawn, at) for at in range(drawn.shape[1])], axis=1))
        entropies = (self.policy.judged(torch.from_numpy(drawn))[1] * taken).sum(0)
        most = taken.sum(0) * torch.tensor(self.decisions.sizes).log()
        share = float(entropies.sum() / most.sum().clamp_min(1e-9))
        lines = [
            f"controller: {share:.0%} of the entropy of uniform choices is left (the least certain decision is "
            f"{self.decisions.names[int((entropies / most.clamp_min(1e-9)).argmax())]}); it learned from "
            f"{len(self._rewards)} different networks"
        ]
        if binned := self.decisions.binned:
            more = f" and {len(binned) - 6} more" if binned[6:] else ""
            lines.append(
                f"controller: it chose among {self._options['bins']} quantiles of what has more values than these, as "
                f"bins={self._options['bins']} says: {', '.join(binned[:6])}{more}"
            )
        return [*lines, self._likeliest(self.policy), *grown]

    def _grown(self, trials: int) -> list[str]:
        """How far networks have grown after so many trials; from here on all is said of those of the latest size."""
        if self._schedule is None:
            return []
        latest = max(trials - 1, 0)
        self.part(latest)
        name, sizes, place = self._schedule.name, self._schedule.sizes, self._schedule.place(latest)
        grew = f"grew from {sizes[0]} to {sizes[place]}" if place else f"was {sizes[0]}"
        left = [f"it is {sizes[place + 1]} from candidate {(place + 1) * self._schedule.every:,} on"]
        return ["; ".join([f"controller: {name} {grew}, by the schedule", *(left if sizes[place + 1 :] else [])])]

    def _likeliest(self, policy: Policy) -> str:
        point = self.decisions.point(policy.likeliest(self.decisions.to_take, self.decisions.pins))
        candidate = self._space.judge(point)
        if candidate is None:
            return "controller: its likeliest network lies outside the window"
        known = self._rewards.get(self._key(point))
        error = "was not trained" if known is None else f"has error {1 - known ** (1 / self._options['power']):.2%}"
        return f"controller: its likeliest network {error}: {summary(candidate.architecture).line}"

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
            for group in self._adam.param_groups:
                for weight in group["params"]:
                    weight.grad = None  # as `zero_grad` does, in a fraction of its time
            loss.backward()  # type: ignore[no-untyped-call]
            self._adam.step()


def stacked(episodes: list[Episode]) -> tuple[Tensor, Tensor]:
    """Tokens of several episodes, and whether each is taken, ``(n, decisions)`` both."""
    tokens, taken = (np.stack(rows) for rows in zip(*((one.tokens, one.taken) for one in episodes), strict=True))
    return torch.from_numpy(tokens), torch.from_numpy(taken)


@torch.no_grad()
def old_log_probs(policy: Policy, episodes: list[Episode]) -> Tensor:
    """Log-probabilities when networks were proposed, ``(n, decisions)``; 0 of what was not decided."""
    stored = [one.old for one in episodes if one.old is not None]
    if len(stored) == len(episodes):  # no pass is needed for those of now
        return torch.from_numpy(np.stack(stored)).float()
    tokens, taken = stacked(episodes)
    now = policy.judged(tokens)[0] * taken
    for place, one in enumerate(episodes):
        if one.old is not None:
            now[place] = torch.from_numpy(one.old)
    return now


def _policy(sizes: tuple[int, ...], options: dict[str, Any], generator: torch.Generator) -> Policy | None:
    if not sizes:
        return None
    if options["controller"] == "softmax":
        return SoftmaxPolicy(sizes, generator=generator)
    shape = {name: options[name] for name in ("layers", "units", "start")}
    return RecurrentPolicy(sizes, generator=generator, **shape)
