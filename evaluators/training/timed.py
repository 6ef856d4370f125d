"""The final training of a winner in a given time: as long as it helps, and not longer.

The learning rate rises, stays at its peak while validation images are held out, and at last falls to nothing on all of
them, training and validation images together: the schedule of warm-up, stable phase and decay (Hu et al. 2024,
MiniCPM, section 4.3), which needs no number of epochs beforehand. The decay begins when the held-out error is flat, or
when just its own time is left. What is scored and kept is a running average of the weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import swa_utils

from regnas.architecture import Architecture
from regnas.dataset import DataSet
from regnas.evaluators.training.batches import Batches, checked
from regnas.evaluators.training.devices import settle
from regnas.evaluators.training.evaluator import build
from regnas.evaluators.training.final import diverged, load_snapshot, score_and_save, shipped
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.options.start import begun, normalisation, start_for
from regnas.evaluators.training.precision import choose, machine_of
from regnas.evaluators.training.recipe import Recipe
from regnas.evaluators.training.scoring import Diverged, Scorer
from regnas.system.files import replacing

DECAY = 0.3  # of the time, and of the epochs where the curve is flat before (docs/regime.md)
_LEAST_EPOCHS = 30  # of the stable phase, before it can be flat
WARM_EPOCHS = 3  # in which the learning rate rises
HORIZON = 2  # epochs that the average of the weights looks back
_MIXING_EPOCHS, _MOST_MIXING = 400, 1.0  # epochs in the time for a shape of mixup of 1, and the largest shape
_MANY_STEPS = 10_000  # how many there will be is not known: enough for what is right in long trainings


@dataclass
class Course:
    """Where a training stands, all but its weights.

    Attributes:
        curve: held-out errors after every epoch of the stable phase.
        seconds: it took so far.
        decay: epochs of the decay; 0 in the stable phase.
        decayed: epochs of it that are done.
        why: what ended the stable phase, ``flat`` or ``time``.
    """

    curve: tuple[float, ...] = ()
    seconds: float = 0.0
    decay: int = 0
    decayed: int = 0
    why: str = ""

    @property
    def done(self) -> bool:
        """Whether the training is at its end."""
        return 0 < self.decay <= self.decayed


def is_flat(curve: Sequence[float]) -> bool:
    """Whether the last third of a curve of errors is not lower than the third before it by more than chance.

    One-sided test of two means with their own variances (Welch 1947), at 5 %.
    """
    third = len(curve) // 3
    if len(curve) < _LEAST_EPOCHS:
        return False
    from scipy import stats

    before, last = np.array(curve[-2 * third : -third]), np.array(curve[-third:])
    if np.ptp(before) == 0 and np.ptp(last) == 0:
        return bool(last[0] >= before[0])
    return bool(stats.ttest_ind(last, before, equal_var=False, alternative="less").pvalue > 0.05)


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
        swa_utils.get_ema_multi_avg_fn(1 - share)(self._own, self._theirs, None)  # type: ignore[no-untyped-call]

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


class TimedTraining:
    """One training that ends when its time does, or before.

    Args:
        seconds: that it may take.
        horizon: epochs that the average of the weights looks back; 0 is the weights themselves.
        mixed: whether images are mixed where the recipe does not say how much.
        clock: seconds that go by.
    """

    def __init__(
        self,
        architecture: Architecture,
        data: DataSet,
        recipe: Recipe,
        *,
        seconds: float,
        seed: int,
        device: str,
        threads: int | None,
        horizon: int = HORIZON,
        mixed: bool = True,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._data, self._seconds, self._clock = data, seconds, clock
        self._start, recipe = start_for(recipe, data.class_names, architecture)
        self._recipe = replace(recipe, epochs=_MANY_STEPS)
        self._mixed = mixed
        self._device = settle(device, threads or 1)
        training, validation = data.fit()
        parts = checked(training, data, "training"), checked(validation, data, "validation")
        everything = parts[0].joined(parts[1])
        self._normalisation = normalisation(everything, self._start)
        self._computing = choose(
            machine_of(self._device),
            recipe.precision,
            flops=architecture.complexity(data.regime.images.resolution).flops,
            steps=_MANY_STEPS,
        )
        usual: dict[str, Any] = {**self._normalisation.numbers, "layout": self._computing.layout}
        self._training, self._held_out, self._all = (
            Batches(part, self._device, **usual, pad=pad, classes=len(data.class_names))
            for part, pad in ((parts[0], recipe.pad), (parts[1], 0), (everything, recipe.pad))
        )
        self._trainer = Trainer(
            build(architecture, seed, self._device, self._computing, recipe, start=self._start),
            self._training,
            self._recipe,
            seed=seed,
            device=self._device,
            computing=self._computing,
        )
        self._average = Averaged(self._trainer.network, max(1, horizon * self._trainer.steps_of_epoch))
        self._held_out_error = Scorer(
            self._average.network, self._held_out, self._device, self._computing, self._trainer.recorder
        )
        self.course = Course()

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return self._trainer.epoch

    def run_epoch(self) -> float:
        """Train one epoch of the phase that it is in; returns the mean loss.

        Raises:
            RegnasError: the loss stopped being finite.
        """
        began, course = self._clock(), self.course
        if course.decay:
            self._trainer.feed(self._all)
        try:
            rates = self._falling() if course.decay else self._stable()
            loss = self._trainer.run_epoch(rates, self._average.update, self._mixing())
            if course.decay:
                course.decayed += 1
            else:
                course.curve += (self._held_out_error(),)
        except Diverged as error:
            raise diverged(error) from error
        course.seconds += self._clock() - began
        if not course.decay:
            self._begin_decay()
        return loss

    def _mixing(self) -> float | None:
        """How much images are mixed: the more, the more often they can be seen in the time (docs/regime.md)."""
        course = self.course
        if self._recipe.mixup or not self._mixed:
            return None
        passed = len(course.curve) + course.decayed
        possible = self._seconds * passed / course.seconds if course.seconds else 0.0
        return min(_MOST_MIXING, possible / _MIXING_EPOCHS)

    def _stable(self) -> Iterator[float]:
        steps = self._trainer.steps_of_epoch
        for step in range(self.epoch * steps, (self.epoch + 1) * steps):
            yield self._recipe.learning_rate * min(1.0, 0.1 + 0.9 * (step + 1) / (WARM_EPOCHS * steps))

    def _falling(self) -> Iterator[float]:
        per_epoch, course = self._trainer.steps_of_epoch, self.course
        steps, first = per_epoch * course.decay, per_epoch * course.decayed
        for step in range(first, first + per_epoch):
            yield self._recipe.learning_rate * (1 - step / steps)

    def _begin_decay(self) -> None:
        """End the stable phase, where it is flat or just the decay's time is left."""
        course, epochs = self.course, len(self.course.curve)
        each = course.seconds / epochs
        longer = each * len(self._all) / len(self._training)  # an epoch on all images
        # Whether there is time for another epoch, with a decay as long as it should be afterwards.
        late = course.seconds + each > (1 - DECAY) * self._seconds
        flat = is_flat(course.curve)
        if not late and not flat:
            return
        fitting = max(1, math.floor((self._seconds - course.seconds) / longer))
        course.decay = min(fitting, max(1, round(epochs * DECAY / (1 - DECAY))))
        course.why = "flat" if flat else "time"

    def save(self, path: Path) -> None:
        """Write a snapshot, whole or not at all."""
        with replacing(path) as partial:
            state = {"average": self._average.state(), "course": asdict(self.course)}
            torch.save({**self._trainer.state(), **state}, partial)

    def resume(self, path: Path) -> bool:
        """Go on from a snapshot; False where there is none that can be read.

        Raises:
            RegnasError: it is of another training.
        """

        def load(state: dict[str, Any]) -> None:
            self.course = Course(**state["course"])
            self._average.load(state["average"])
            self._trainer.load(state)

        return load_snapshot(path, self._device, load)

    def facts(self) -> dict[str, Any]:
        """What a user of the weights needs."""
        course = self.course
        trained = f"{len(course.curve)} epochs on training images and {course.decayed} on validation images as well"
        normalised = self._normalisation
        facts = shipped(self._data, normalised.mean, normalised.std, trained) | begun(normalised, self._start)
        return facts | {
            "held_out_errors": list(course.curve),
            "seconds": round(course.seconds, 1),
        }

    def finish(self, folder: Path) -> float | None:
        """Write the weights and score them on the test images, where there are any; errors as of `FinalTraining`."""
        return score_and_save(
            self._average.network, self._data, folder, self._device, self._computing, self._normalisation
        )
