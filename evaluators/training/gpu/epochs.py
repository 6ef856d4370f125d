"""Epochs of recorded steps: which images a step takes, how they are cropped and at which rate, it reads on the device.

A replay is then all that a step asks of Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from regnas.evaluators.training.batches import Batches, Plan
from regnas.evaluators.training.gpu.recording import Recorded, Recorder

Step = Callable[[Tensor, Tensor], None]  # trains on images and labels; it waits for nothing


class RecordedEpochs:
    """Steps on batches of one size are recorded; a last batch of another size is trained on as it is.

    Args:
        step: trains on a batch.
        set_rate: takes the learning rate, ``()`` on the device.
    """

    def __init__(
        self, batches: Batches, step: Step, set_rate: Callable[[Tensor], None], recorder: Recorder, *, flip: bool
    ) -> None:
        self._batches, self._step, self._set_rate, self._recorder = batches, step, set_rate, recorder
        self._flip = flip
        self._plan: Plan | None = None
        self._rates = self._number = self._within = torch.empty(0)
        self._replayed = Recorded(self._work, recorder)

    def steps(self, plan: Plan, rates: Sequence[float]) -> Iterator[None]:
        """Train an epoch; yields after every batch.

        Args:
            rates: of every batch.
        """
        size = plan.ends[0]
        self._take(plan, torch.tensor(rates, dtype=torch.float32), size)
        for number, (start, end) in enumerate(pairwise((0, *plan.ends))):
            if end - start == size:
                self._replayed()
            else:
                places = torch.arange(start, end, device=plan.order.device)
                last = torch.tensor([number], device=plan.order.device)
                self._recorder.warm_up(partial(self._train, places, last))
            yield

    def close(self) -> None:
        """Let go of what is recorded, and of who trains."""
        self._replayed.close()

    def _take(self, plan: Plan, rates: Tensor, size: int) -> None:
        """Put what the steps of an epoch read where the recorded ones look for it."""
        if not self._fits(plan):
            self._plan, self._rates = plan, rates.to(plan.order.device)
            self._number = torch.zeros(1, dtype=torch.long, device=plan.order.device)
            self._within = torch.arange(size, device=plan.order.device)
            self._replayed.close()
            self._replayed = Recorded(self._work, self._recorder)
            return
        mine = self._of_plan()
        mine.order.copy_(plan.order)
        mine.draws.copy_(plan.draws)
        if mine.shares is not None and plan.shares is not None:
            mine.shares.copy_(plan.shares)
        self._rates.copy_(rates)
        self._number.zero_()

    def _fits(self, plan: Plan) -> bool:
        """Whether a recording of the epochs before is one of this."""
        mine = self._plan
        return mine is not None and mine.ends == plan.ends and (mine.shares is None) == (plan.shares is None)

    def _of_plan(self) -> Plan:
        if self._plan is None:
            raise RuntimeError("an epoch has a plan before its first step")
        return self._plan

    def _work(self) -> None:
        """A step on the batch whose number is on the device, which it counts up."""
        self._train(self._number * len(self._within) + self._within, self._number)
        self._number += 1

    def _train(self, places: Tensor, number: Tensor) -> None:
        """A step on the images at these places of the epoch's order, in batch ``number``, ``(1,)``."""
        plan = self._of_plan()
        share = None if plan.shares is None else plan.shares.index_select(0, number).view(())
        self._set_rate(self._rates.index_select(0, number).view(()))
        self._step(*self._batches.batch(plan.order[places], plan.draws[:, places], flip=self._flip, share=share))
