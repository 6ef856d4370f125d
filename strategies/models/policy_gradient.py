"""Losses, rewards and baselines of policy gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

BASELINES = ("earlier", "corrected")


def reward(error: float, power: float) -> float:
    """(1 - error)^power: the cube of NAS-RL stretches the differences between good networks."""
    return float((1 - error) ** power)


def lowest(error: float, errors: Sequence[float], last: int) -> float:
    """The lowest error of the last epochs; the error itself where it is not that of the last one, but an objective.

    Args:
        errors: after each epoch, as far as they are known.
        last: epochs.

    Source: Zoph and Le 2017, section 4.1: the reward is the highest accuracy of the last five epochs, cubed.
    """
    return min(errors[-last:]) if errors and errors[-1] == error else error


@dataclass
class Baseline:
    """A moving average of rewards.

    Attributes:
        kind: ``earlier``, of the rewards before this one, the first being its own baseline (NAS-RL); ``corrected``,
            this one included, its bias towards 0 taken out (NATS-Bench); ``from-zero``, this one included and the bias
            left in (ENAS).
        decay: of the average.
    """

    kind: str
    decay: float
    _mean: float = 0.0
    _weight: float = 0.0  # 1 - decay^n of ``corrected``; whether there is a reward of ``earlier``

    def advantage(self, reward: float) -> float:
        """Of the next reward."""
        if self.kind == "corrected":
            self._mean = self.decay * self._mean + (1 - self.decay) * reward
            self._weight = self.decay * self._weight + (1 - self.decay)
            return reward - self._mean / self._weight
        if self.kind == "from-zero":
            self._mean = self.decay * self._mean + (1 - self.decay) * reward
            return reward - self._mean
        before = self._mean if self._weight else reward
        self._mean, self._weight = self.decay * before + (1 - self.decay) * reward, 1.0
        return reward - before


def reinforce_loss(log_probs: Tensor, advantages: Tensor) -> Tensor:
    """-(R - b) log p, the mean over networks.

    Args:
        log_probs: ``(n, decisions)``; 0 of a decision that was not taken.
        advantages: ``(n,)``.

    Source: Williams 1992; Zoph and Le 2017, section 3.2.
    """
    return -(advantages * log_probs.sum(1)).mean()


def ppo_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """-min(r A, clip(r, 1 - c, 1 + c) A) with a ratio r for every decision; sums over these, the mean over networks.

    Args:
        log_probs, old_log_probs: ``(n, decisions)``, now and when the network was proposed; 0 of what was not decided.
        advantages: ``(n,)``, which all decisions of a network share.

    Source: Schulman et al. 2017 (arXiv 1707.06347), equation 7.
    """
    ratio, shared = (log_probs - old_log_probs).exp(), advantages[:, None]
    return -torch.minimum(ratio * shared, ratio.clamp(1 - clip, 1 + clip) * shared).sum(1).mean()
