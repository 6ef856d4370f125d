"""A network whose weights are a running average of another one's."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Averaged:
    """An exponential moving average of weights and running statistics (Polyak and Juditsky 1992 for the average).

    Its error falls smoothly while the network itself jumps about at a high learning rate.

    Args:
        network: that is trained.
        horizon: steps that the average looks back.
    """

    def __init__(self, network: nn.Module, horizon: int) -> None:
        self.network = deepcopy(network)
        self._horizon, self._steps = horizon, 0
        self._own, self._theirs = _floats(self.network), _floats(network)

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now; before the horizon it is the plain mean of all so far."""
        self._steps += 1
        share = 1 / min(self._steps, self._horizon)
        get_ema_multi_avg_fn(1 - share)(self._own, self._theirs, None)  # type: ignore[no-untyped-call]

    def state(self) -> dict[str, Any]:
        """All that resuming needs."""
        return {"network": self.network.state_dict(), "steps": self._steps}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.network.load_state_dict(state["network"])
        self._steps = int(state["steps"])


def _floats(network: nn.Module) -> list[Tensor]:
    found = [*network.parameters(), *network.buffers()]
    return [value.detach() for value in found if value.is_floating_point()]
