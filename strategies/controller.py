"""REINFORCE and PPO: a controller proposes networks and is rewarded with their accuracy.

Sources: Zoph and Le 2017 (arXiv 1611.01578); Williams 1992; NATS-Bench, Dong et al. 2021, for ``controller=softmax``.
PPO, the controller of NASNet and MnasNet, takes several steps on every batch of networks, each of them short: Zoph et
al. 2018 (arXiv 1707.07012), appendix A; Schulman et al. 2017 (arXiv 1707.06347); Tan et al. 2019 (arXiv 1807.11626).
NASNet states neither clip nor epochs: 0.2 and 4 are the usual ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from regnas.design_space import Space
from regnas.sampling import keyed
from regnas.strategies.models.controller import Controller, Episode, old_log_probs, stacked
from regnas.strategies.models.controller_options import chosen
from regnas.strategies.models.policies import Policy
from regnas.strategies.models.policy_gradient import ppo_loss, reinforce_loss
from regnas.strategies.models.schedule import schedule_of
from regnas.strategies.sampling.feasible import FeasibleSampler

REINFORCE: dict[str, Any] = {
    "controller": "softmax",
    "rate": 0.1,
    "baseline": "corrected",
    "decay": 0.9,
    "power": 1.0,
    "last": 1,
    "entropy": 0.0,
    "batch": 1,
    "layers": 2,
    "units": 35,
    "start": 0.08,
    "bins": 16,
    "repeats": 8,
    "grow": 0,
    "by": 2,
}
_NAS_RL = {"controller": "lstm", "rate": 6e-4, "baseline": "earlier", "decay": 0.95, "power": 3.0}
REINFORCE_PAPERS: dict[str, dict[str, Any]] = {"nas-rl": {**_NAS_RL, "batch": 8}, "nats-bench": {"rate": 0.01}}
PPO: dict[str, Any] = {
    "controller": "lstm",
    "rate": 3.5e-3,
    "baseline": "earlier",
    "decay": 0.95,
    "power": 1.0,
    "last": 1,
    "entropy": 1e-5,
    "batch": 20,
    "epochs": 4,
    "clip": 0.2,
    "scaled": True,
    "layers": 1,
    "units": 100,
    "start": 0.1,
    "bins": 16,
    "repeats": 8,
    "grow": 0,
    "by": 2,
}
_NASNET = {"rate": 3.5e-4, "scaled": False}
PPO_PAPERS: dict[str, dict[str, Any]] = {"nasnet": _NASNET, "mnasnet": _NASNET}  # MnasNet: "same as in NASNet"


def reinforce(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """REINFORCE inside the window.

    Options:
        paper: ``nas-rl`` or ``nats-bench``, the settings of the paper where nothing else is said.
        controller: ``softmax``, one for each decision, or ``lstm``.
        rate: of Adam.
        baseline, decay: ``earlier`` or ``corrected`` average of rewards.
        power: of the accuracy, which is the reward.
        last: epochs of whose accuracies the highest counts; NAS-RL's are 5.
        entropy: weight of the policy's entropy, a bonus.
        batch: results of one update.
        layers, units, start: of the LSTM; its weights start uniform in [-start, start].
        bins: values that a parameter with more of them, such as a real one, is chosen among.
        repeats: proposals that were evaluated before, of each trial, that are learned from without a training.
        grow, by: on spaces of networks of several sizes, candidates of each size before those of one that is larger by
            so many parts; 0 leaves the size to the controller. NAS-RL's are 1,600 and 2.

    Raises:
        UsageError: an option that makes no sense, or sizes that the space or its window does not have.
    """
    found = chosen(options, "reinforce", REINFORCE, REINFORCE_PAPERS)
    schedule = schedule_of(space, "reinforce", every=found["grow"], by=found["by"], seed=seed)
    duplicates = options.get("duplicates", "reject")
    weights = keyed.integer("reinforce", seed)
    inner = Reinforce(space, found, seed=weights, reject=duplicates == "reject", schedule=schedule)
    return FeasibleSampler(space, inner, seed=seed, duplicates=duplicates, max_tries=8)


class Reinforce(Controller):
    """The inner sampler: a step of Adam for every ``batch`` episodes, log-probabilities under the weights of then."""

    def update(self, policy: Policy, episodes: list[Episode], advantages: Tensor) -> None:
        tokens, taken = stacked(episodes)
        log_probs, entropies = policy.judged(tokens)
        loss = reinforce_loss(log_probs * taken, advantages)
        if self._options["entropy"]:
            loss = loss - self._options["entropy"] * (entropies * taken).sum(1).mean()
        self.descend(loss)


def ppo(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """PPO inside the window.

    Options:
        batch: results of one update.
        epochs: steps on each batch.
        clip: of the ratio of probabilities, now and when a network was proposed.
        scaled: whether advantages are divided by the batch's standard deviation.
        paper: ``nasnet`` or ``mnasnet``, the settings of the paper where nothing else is said.
        controller, rate, baseline, decay, power, last, entropy, layers, units, start, bins, repeats, grow, by: as of
            `reinforce`.

    Raises:
        UsageError: as of `reinforce`.
    """
    found = chosen(options, "ppo", PPO, PPO_PAPERS)
    schedule = schedule_of(space, "ppo", every=found["grow"], by=found["by"], seed=seed)
    duplicates = options.get("duplicates", "reject")
    weights = keyed.integer("ppo", seed)
    inner = ProximalPolicy(space, found, seed=weights, reject=duplicates == "reject", schedule=schedule)
    return FeasibleSampler(space, inner, seed=seed, duplicates=duplicates, max_tries=8)


class ProximalPolicy(Controller):
    """The inner sampler: ``epochs`` steps of Adam for every ``batch`` episodes.

    The old log-probabilities are those stored with a trial: a result that comes late is judged by how likely it was
    when it was proposed.
    """

    def update(self, policy: Policy, episodes: list[Episode], advantages: Tensor) -> None:
        tokens, taken = stacked(episodes)
        old = old_log_probs(policy, episodes)
        if self._options["scaled"] and len(advantages) > 1:
            advantages = advantages / advantages.std().clamp_min(1e-8)
        for _ in range(self._options["epochs"]):
            log_probs, entropies = policy.judged(tokens)
            loss = ppo_loss(log_probs * taken, old, advantages, self._options["clip"])
            self.descend(loss - self._options["entropy"] * (entropies * taken).sum(1).mean())
