"""Epochs of recorded steps: which images a step takes, how they are cropped and at which rate, it reads on the device.

A replay is then all that a step asks of Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from regnas.evaluators.training.batches import Batches, Plan
from regnas.evaluators.training.gpu.recording import Recorded, Recorder

Step = Callable[[Tensor, Tensor], None]  # trains on images and labels; it waits for nothing


class _Read(NamedTuple):
    """What the steps of an epoch read, on the device.

    Attributes:
        order: ``(batches, n)``, rows of the images of every whole batch.
        draws: ``(3, batches, n)``, of their crops and mirrors.
        shares: ``(batches, 1)``, of mixed images; None where none are mixed.
        rates: ``(batches, 1)``, of learning.
        number: ``(1,)``, of the batch that comes next.
    """

    order: Tensor
    draws: Tensor
    shares: Tensor | None
    rates: Tensor
    number: Tensor


class RecordedEpochs:
    """Steps on batches of one size are recorded; a last batch of another size is trained on as it is.

    Args:
        step: trains on a batch.
        set_rate: takes the learning rate, ``()`` on the device, which the step then reads.
    """

    def __init__(
        self, batches: Batches, step: Step, set_rate: Callable[[Tensor], None], recorder: Recorder, *, flip: bool
    ) -> None:
        self._batches, self._step, self._set_rate, self._recorder = batches, step, set_rate, recorder
        self._flip = flip
        self._plan: Plan | None = None
        self._rates = torch.empty(0)
        self._read: _Read | None = None
        self._replayed = Recorded(self._work, recorder)

    def steps(self, plan: Plan, rates: Sequence[float]) -> Iterator[None]:
        """Train an epoch; yields after every batch.

        Args:
            rates: of every batch.
        """
        size = plan.ends[0]
        mine = self._take(plan, torch.tensor(rates, dtype=torch.float32), size)
        for number, (start, end) in enumerate(pairwise((0, *plan.ends))):
            if end - start == size:
                self._replayed()
            else:
                share = None if mine.shares is None else mine.shares[number]
                rows, draws = mine.order[start:end], mine.draws[:, start:end]
                self._recorder.warm_up(partial(self._train, rows, draws, share, self._rates[number]))
            yield

    def close(self) -> None:
        """Let go of what is recorded, and of who trains."""
        self._replayed.close()

    def _take(self, plan: Plan, rates: Tensor, size: int) -> Plan:
        """Put what the steps of an epoch read where the recorded ones look for it; returns the plan that is there."""
        mine, read = self._plan, self._read
        if mine is None or read is None or not _fits(mine, plan):
            self._plan, self._rates = plan, rates.to(plan.order.device)
            self._read = _read(plan, self._rates, size)
            self._replayed.close()
            self._replayed = Recorded(self._work, self._recorder)
            return plan
        mine.order.copy_(plan.order)
        mine.draws.copy_(plan.draws)
        if mine.shares is not None and plan.shares is not None:
            mine.shares.copy_(plan.shares)
        self._rates.copy_(rates)
        read.number.zero_()
        return mine

    def _work(self) -> None:
        """A step on the batch whose number is on the device, which it counts up."""
        if (read := self._read) is None:
            raise RuntimeError("an epoch has a plan before its first step")
        number = read.number
        share = None if read.shares is None else read.shares.index_select(0, number).view(())
        draws = read.draws.index_select(1, number).squeeze(1)
        self._train(
            read.order.index_select(0, number).squeeze(0), draws, share, read.rates.index_select(0, number).view(())
        )
        number += 1

    def _train(self, rows: Tensor, draws: Tensor, share: Tensor | None, rate: Tensor) -> None:
        """A step on these rows of the images, ``(n,)``, with ``draws``, ``(3, n)``, share and rate, ``()``."""
        self._set_rate(rate)
        self._step(*self._batches.batch(rows, draws, flip=self._flip, share=share))


def _fits(mine: Plan, plan: Plan) -> bool:
    """Whether a recording of the epochs before is one of this."""
    return mine.ends == plan.ends and (mine.shares is None) == (plan.shares is None)


def _read(plan: Plan, rates: Tensor, size: int) -> _Read:
    """Views of a plan by whole batches, which are its first: one operator picks what a step reads of each."""
    count = sum(end == size * number for number, end in enumerate(plan.ends, 1))
    whole = count * size
    shares = None if plan.shares is None else plan.shares[:count].view(count, 1)
    return _Read(
        plan.order[:whole].view(count, size),
        plan.draws[:, :whole].view(3, count, size),
        shares,
        rates[:count].view(count, 1),
        torch.zeros(1, dtype=torch.long, device=plan.order.device),
    )
