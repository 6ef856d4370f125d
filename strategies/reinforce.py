"""REINFORCE: a controller proposes networks and is rewarded with their accuracy.

Sources: Zoph and Le 2017 (arXiv 1611.01578); Williams 1992; NATS-Bench, Dong et al. 2021, for ``controller=softmax``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from regnas.design_space import Space
from regnas.sampling import keyed
from regnas.strategies.models.controller import Controller, Episode, stacked
from regnas.strategies.models.controller_options import chosen
from regnas.strategies.models.policies import Policy
from regnas.strategies.models.policy_gradient import reinforce_loss
from regnas.strategies.sampling.feasible import FeasibleSampler

KNOWN: dict[str, Any] = {
    "controller": "softmax",
    "rate": 0.1,
    "baseline": "corrected",
    "decay": 0.9,
    "power": 1.0,
    "entropy": 0.0,
    "batch": 1,
    "layers": 2,
    "units": 35,
    "start": 0.08,
    "bins": 16,
    "repeats": 8,
}
_NAS_RL = {"controller": "lstm", "rate": 6e-4, "baseline": "earlier", "decay": 0.95, "power": 3.0}
PAPERS: dict[str, dict[str, Any]] = {"nas-rl": {**_NAS_RL, "batch": 8}, "nats-bench": {"rate": 0.01}}


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """REINFORCE inside the window.

    Options:
        paper: ``nas-rl`` or ``nats-bench``, the settings of the paper where nothing else is said.
        controller: ``softmax``, one for each decision, or ``lstm``.
        rate: of Adam.
        baseline, decay: ``earlier`` or ``corrected`` average of rewards.
        power: of the accuracy, which is the reward.
        entropy: weight of the policy's entropy, a bonus.
        batch: results of one update.
        layers, units, start: of the LSTM; its weights start uniform in [-start, start].
        bins: values that a parameter with more of them, such as a real one, is chosen among.
        repeats: proposals that were evaluated before, of each trial, that are learned from without a training.
    """
    found = chosen(options, "reinforce", KNOWN, PAPERS)
    duplicates = options.get("duplicates", "reject")
    weights = keyed.integer("reinforce", seed)
    inner = Reinforce(space, found, seed=weights, reject=duplicates == "reject")
    return FeasibleSampler(space, inner, seed=seed, duplicates=duplicates, max_tries=8)


class Reinforce(Controller):
    """The inner sampler: a step of Adam for every ``batch`` episodes, log-probabilities under the weights of then."""

    def update(self, policy: Policy, episodes: list[Episode], advantages: Tensor) -> None:
        tokens, taken = stacked(episodes)
        log_probs, entropies = policy.judged(tokens)
        loss = reinforce_loss(log_probs * taken, advantages)
        self.descend(loss - self._options["entropy"] * (entropies * taken).sum(1).mean())
