"""One network trained by several processes, each with a share of every batch: gradients are averaged in every step.

Normalisation layers see a process's own share, as in torch's data-parallel training (Li et al. 2020, section 3): the
same training with another number of processes is another one, as with another seed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, distributed, nn

from regnas.errors import UsageError
from regnas.system.processes import variables

_LOOPBACK = "lo" if sys.platform.startswith("linux") else "lo0"
_PATIENCE = timedelta(minutes=5)  # that a step waits for the other processes


@dataclass(frozen=True)
class Share:
    """The part of every batch that a process computes: of ``count`` processes, the one numbered ``rank``."""

    rank: int = 0
    count: int = 1

    def of(self, rows: Tensor) -> Tensor:
        """Every ``count``-th row, from ``rank`` on, of ``(..., n)``."""
        return rows if self.count == 1 else rows[..., self.rank :: self.count]


WHOLE = Share()


def check_shares(count: int, size: int) -> None:
    """Whether a batch can be shared.

    Raises:
        UsageError: a process would have a single image, which cannot be normalised.
    """
    if count > 1 and size < 2 * count:
        raise UsageError(
            f"--workers is at most {max(1, size // 2)}, half the {size} images of a batch, got {count}: a "
            f"normalisation needs two images in each process"
        )


@contextmanager
def joined(share: Share, device: torch.device, meeting: Path) -> Iterator[None]:
    """The processes of a training find each other.

    Args:
        meeting: a file that all of them can write, and that was not there before the first came.
    """
    with variables(**_on_loopback()):
        distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            init_method=meeting.absolute().as_uri(),
            rank=share.rank,
            world_size=share.count,
            timeout=_PATIENCE,
        )
        try:
            yield
        finally:
            distributed.destroy_process_group()


def _on_loopback() -> dict[str, str]:
    """All processes are on this machine: nothing is to listen on another interface, unless the user named one."""
    names = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
    return {} if sys.platform == "win32" else {name: _LOOPBACK for name in names if name not in os.environ}


def averaging(network: nn.Module, share: Share, device: torch.device) -> nn.Module:
    """The network as it is called in training: what goes backward through it is averaged over the processes."""
    if share.count == 1:
        return network
    return nn.parallel.DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)


def averaged(value: Tensor, share: Share) -> Tensor:
    """The mean of a value, ``()`` or of any shape, over the processes."""
    if share.count > 1:
        distributed.all_reduce(value)
        value = value / share.count
    return value
