"""The evaluator ``train``: trains each candidate on the training images, scores it on the validation images."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from regnas import weights
from regnas.architecture import Architecture, SupportsResiduals
from regnas.dataset import DataSet, Split, SupportsCounts, SupportsDecoding, SupportsRemarks, make_dataset
from regnas.evaluator import REMARK, Cancelled, Context, DeviceLost, OutOfMemory, Result, Task
from regnas.evaluators.training import checkpoint as snapshot
from regnas.evaluators.training.batches import Batches, checked
from regnas.evaluators.training.devices import is_lost, is_out_of_memory, seeded, settle
from regnas.evaluators.training.gpu.lanes import USUAL_LANES, Lanes
from regnas.evaluators.training.gpu.per_device import best_share, measured
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.options.augmentation import augmenter
from regnas.evaluators.training.options.start import Start, begun, normalisation, start_of
from regnas.evaluators.training.precision import Computing, choose, machine_of
from regnas.evaluators.training.recipe import Recipe
from regnas.evaluators.training.scoring import Diverged, Scorer, top1_error
from regnas.metric import Metric

_WORTH_RECORDING = 6  # passes over the validation images, of which one is done before and one is recorded
# With label smoothing, over augmented images, while the weights change: what the optimiser saw.
TRAINING_LOSS = Metric("training_loss", "minimize", "nats", (0.0, math.inf))
TAKEN = Metric("taken", "maximize", "of the parameters", (0.0, 1.0))  # from the weights that a network began with


def make(task: Task, options: Mapping[str, Any]) -> TrainEvaluator:
    """The evaluator of a task; ``options`` change the recipe, such as ``learning_rate``.

    Raises:
        UsageError: an option the recipe does not have.
        HostError: an augmentation of a package that is not installed.
    """
    data = make_dataset(
        task.data, root=task.data_root, download=task.download, resolution=task.resolution, cache=task.cache
    )
    said = {*options, "epochs"} if task.epochs else {*options}
    recipe = Recipe.usual(data.regime, task.epochs).with_options(options)
    recipe = recipe.begun_with(recipe.init, said=options)
    augmenter(recipe.augment)  # a package that is missing is said now
    return TrainEvaluator(data, recipe, source=(task, options), said=frozenset(said))


@dataclass(frozen=True, eq=False)
class TrainEvaluator:
    """Trains on one device, one candidate or in several threads one each; keeps the images there between candidates.

    Attributes:
        asked: how it trains, before the number of images is known.
        source: what it was made from, for processes that make it again.
        said: what the user chose of the recipe; the rest follows from the number of images. None leaves it all.
    """

    data: DataSet
    asked: Recipe
    source: tuple[Task, Mapping[str, Any]] | None = None
    said: frozenset[str] | None = None
    _loaded: dict[str, tuple[Batches, Batches]] = field(default_factory=dict)
    _lanes: Lanes = field(default_factory=Lanes)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What results hold beside the error."""
        return (TRAINING_LOSS, TAKEN) if self.asked.init else (TRAINING_LOSS,)

    @property
    def mirrors(self) -> bool:
        """As of `regnas.fit.SupportsMirroring`."""
        return self.asked.flip

    @property
    def seed_sd(self) -> float | None:
        """Measured as new studies train, which says nothing of another recipe."""
        regime = self.data.regime
        return regime.seed_sd if self.asked == Recipe.usual(regime) else None

    @cached_property
    def recipe(self) -> Recipe:
        """How it trains."""
        asked = self.asked if self.start is None else replace(self.asked, init_digest=self.start.digest)
        if self.said is None or not (steps := self.data.regime.steps):
            return asked
        return asked.for_images(len(self._splits[0]), steps, said=self.said)

    @property
    def start(self) -> Start | None:
        """What networks begin with; None for new weights."""
        with self._lanes.loading:
            return self._start

    @cached_property
    def _start(self) -> Start | None:
        return start_of(self.asked, self.data.class_names)

    def as_begun(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """Options with which a study of an older release goes on by its recipe, in what the user does not say; batch,
        rate and epochs follow from these.
        """
        stored = Recipe.of_study(recipe)
        if stored is None or stored.scaled_residuals or self.said is None:
            return {}
        own = {"drop_last": self.recipe.drop_last, "scaled_residuals": self.recipe.scaled_residuals}
        then = {"drop_last": stored.drop_last, "scaled_residuals": False}
        return {name: then[name] for name in own if name not in self.said and own[name] != then[name]}

    @property
    def _splits(self) -> tuple[Split, Split]:
        with self._lanes.loading:
            return self._read

    @cached_property
    def _read(self) -> tuple[Split, Split]:
        training, validation = self.data.fit()
        return checked(training, self.data, "training"), checked(validation, self.data, "validation")

    def prepare(self) -> dict[str, Any]:
        """Read the images a search needs, so that what is wrong with them is said before any training."""
        training, validation = self._splits
        data, counts = self.data, {"training": len(training), "validation": len(validation)}
        return {
            "data": self.data.name,
            "class_names": list(self.data.class_names),
            "resolution": self.data.regime.images.resolution,
            **begun(normalisation(training, self.start), self.start),
            "images": {**counts, **(data.counts() if isinstance(data, SupportsCounts) else {})},
            "guessing": 1 - int(np.bincount(validation.labels).max()) / len(validation),
            **decoding_of(data),
            **({"remarks": found} if (found := self._remarks()) else {}),
            "recipe": self.recipe.to_json(),
            "steps": self.recipe.steps(len(training)),
        }

    def _remarks(self) -> list[str]:
        """What a user should hear of the images, and of the weights that networks begin with."""
        of_images = self.data.remarks() if isinstance(self.data, SupportsRemarks) else ()
        data = self.data.name if self.source is None else self.source[0].data
        return [*of_images, *(self.start.remarks(data) if self.start is not None else ())]

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        """The last epoch's validation error and mean training loss; out of memory is tried again once, at half the
        batch.

        Raises:
            OutOfMemory: half the batch does not fit either, or the whole one beside other candidates: a result does not
                depend on these.
            Cancelled: the context said so.
            DeviceLost: after an error of a GPU that only a new process survives.
        """
        device = settle(context.device, context.threads)
        for accumulation, record in ((1, True), (1, False), (2, False)):
            if not record and accumulation == 1 and device.type != "cuda":
                continue  # nothing was recorded: it would be the same again
            try:
                with self._lanes.one(device):
                    return self._train(architecture, seed, context, device, accumulation, record)
            except (RuntimeError, MemoryError) as error:
                if is_lost(error) or self._lanes.are_lost(device):
                    raise DeviceLost(str(error)) from error
                if not is_out_of_memory(error):
                    raise
                reason = str(error).splitlines()[0] if str(error) else "out of memory"
            self._lanes.empty_cache()
            if context.shared:
                raise OutOfMemory(reason)
        raise OutOfMemory(f"does not fit at half the batch of {self.recipe.batch_size} either: {reason}")

    def _train(
        self,
        architecture: Architecture,
        seed: int,
        context: Context,
        device: torch.device,
        accumulation: int,
        record: bool,
    ) -> Result:
        start = time.perf_counter()
        with closing(self._trainer(architecture, seed, device, accumulation, record)) as trainer:
            identity = {
                "key": architecture.key(),
                "seed": seed,
                "recipe": self.recipe.to_json(),
                "accumulation": accumulation,
            }
            kept = context.folder if context.resumable else None
            past = snapshot.resume(kept, trainer, identity, device) if kept else snapshot.Past()
            now, going, diverged = self._epochs(trainer, past, context)
            now = replace(now, seconds=past.seconds + time.perf_counter() - start)
            if trainer.remark:  # also of a training that is paused, and so has no result that could say it
                logging.getLogger(__name__).warning("network %s: %s", architecture.key(), trainer.remark)
            if kept and not going:
                snapshot.save(kept, trainer, now, identity)
            elif context.folder is not None:
                weights.save(trainer.network, context.folder)
                snapshot.remove(context.folder)
            return Result(
                error=now.errors[-1],
                seconds=now.seconds,
                epochs=trainer.epoch,
                errors=now.errors,
                diverged=diverged,
                notes={
                    "threads": context.threads,
                    "device": device.type,
                    "accumulation": accumulation,
                    "precision": trainer.computing.precision,
                    **({REMARK: trainer.remark} if trainer.remark else {}),
                },
                metrics=self._measured(architecture, now.loss),
            )

    def _measured(self, architecture: Architecture, loss: float | None) -> dict[str, float]:
        """What a result says beside the error."""
        found = {} if loss is None else {TRAINING_LOSS.name: loss}
        return found if self.start is None else {**found, TAKEN.name: self.start.taken(architecture).share}

    def _epochs(self, trainer: Trainer, past: snapshot.Past, context: Context) -> tuple[snapshot.Past, bool, bool]:
        """Train until the end, or until it diverges or is told to stop; returns what is known then, whether it was not
        told to stop, and whether it diverged.
        """
        _, validation = self._batches(trainer.device, trainer.computing)
        recorder = trainer.recorder if self.recipe.epochs >= _WORTH_RECORDING else None
        errors, loss, going, diverged = list(past.errors), past.loss, True, False

        def check() -> None:
            if context.cancelled():
                raise Cancelled

        with closing(Scorer(trainer.network, validation, trainer.device, trainer.computing, recorder)) as error:
            while going and not diverged and trainer.epoch < self.recipe.epochs:
                try:
                    loss = trainer.run_epoch(after_step=check)
                    errors.append(error())
                except Diverged:
                    diverged, loss = True, None
                    errors.append(chance_error(len(self.data.class_names)))
                else:
                    going = context.report(trainer.epoch, errors[-1])
        return replace(past, errors=tuple(errors), loss=loss), going, diverged

    def lanes(self, device: str) -> int:
        """Candidates that train at a time in one process where nothing else is said."""
        return USUAL_LANES if device.startswith("cuda") else 1

    def per_device(self, device: str) -> int:
        """Candidates that should train on one device at a time; see `regnas.evaluators.training.gpu.per_device`."""
        if self.source is None:
            return 1
        with measured(*self.source, device) as measure:
            return best_share(measure)

    def lane(self, device: str) -> AbstractContextManager[None]:
        """Where one of several threads trains: for measurements."""
        return self._lanes.one(settle(device, 1))

    def trainer(self, architecture: Architecture, *, seed: int, device: str, threads: int) -> tuple[Trainer, int]:
        """A training that has not begun, and the images of its steps: for measurements."""
        made = self._trainer(architecture, seed, settle(device, threads))
        return made, min(self.recipe.batch_size, len(self._splits[0]))

    def test(self, architecture: Architecture, *, context: Context) -> float | None:
        """Top-1 error on the test images of the weights in ``context.folder``."""
        images = self.data.test()
        if images is None or context.folder is None:
            return None
        return self.score(architecture, checked(images, self.data, "test"), context)

    def score(self, architecture: Architecture, images: Split, context: Context) -> float:
        """Top-1 error of the weights in ``context.folder`` on any images; one that they say nothing finite of is wrong.

        Raises:
            ValueError: the context names no folder.
        """
        if context.folder is None:
            raise ValueError("the context names no folder with weights")
        device = settle(context.device, context.threads)
        with seeded(0):  # which only keeps the generator as it is
            network = architecture.build()
        weights.load_into(network, context.folder)
        numbers = normalisation(self._splits[0], self.start).numbers
        computing = self._computing(architecture, device)
        batches = Batches(images, device, **numbers, layout=computing.layout)
        return top1_error(computing.prepared(network, device), batches, device, computing, lenient=True)

    def _trainer(
        self,
        architecture: Architecture,
        seed: int,
        device: torch.device,
        accumulation: int = 1,
        record: bool = True,
    ) -> Trainer:
        """A training that has not begun; ``record`` says whether its steps may be recorded."""
        computing = self._computing(architecture, device, len(self._splits[0]), accumulation)
        computing = replace(computing, recorded=computing.recorded and record)
        training, _ = self._batches(device, computing)
        return Trainer(
            build(architecture, seed, device, computing, self.recipe, start=self.start),
            training,
            self.recipe if self.start is None else self.start.recipe(self.recipe, architecture),
            seed=seed,
            device=device,
            computing=computing,
            accumulation=accumulation,
            recorder=self._lanes.recorder(device),
        )

    def _computing(
        self, architecture: Architecture, device: torch.device, images: int = 0, accumulation: int = 1
    ) -> Computing:
        """How a network is computed: trained on so many images an epoch, or only scored."""
        return choose(
            machine_of(device),
            self.recipe.precision,
            flops=architecture.complexity(self.data.regime.images.resolution).flops,
            steps=self.recipe.steps(images),
            accumulation=accumulation,
        )

    def _batches(self, device: torch.device, computing: Computing) -> tuple[Batches, Batches]:
        """Training and validation images on a device, in the layout that a network is computed in."""
        key = f"{device} {computing.layout}"
        with self._lanes.loading:
            if key not in self._loaded:
                self._loaded[key] = self._load(device, computing)
            return self._loaded[key]

    def _load(self, device: torch.device, computing: Computing) -> tuple[Batches, Batches]:
        training, validation = self._splits
        usual: dict[str, Any] = {**normalisation(training, self.start).numbers, "layout": computing.layout}
        classes = len(self.data.class_names)
        loaded = (
            Batches(training, device, **usual, pad=self.recipe.pad, classes=classes),
            Batches(validation, device, **usual),
        )
        if device.type == "cuda":
            torch.cuda.current_stream().synchronize()  # other lanes read them on streams of their own
        return loaded


def decoding_of(data: DataSet) -> dict[str, Any]:
    """What a data set of files did to their pixels, among the facts that are kept beside weights."""
    known = dict(data.decoding) if isinstance(data, SupportsDecoding) else {}
    return {"decoding": known} if known else {}


def chance_error(classes: int) -> float:
    """The error of guessing: what a diverged training counts as."""
    return 1 - 1 / classes


def build(
    architecture: Architecture,
    seed: int,
    device: torch.device,
    computing: Computing,
    recipe: Recipe,
    added: Callable[[nn.Module], nn.Module] = lambda network: network,
    start: Start | None = None,
) -> nn.Module:
    """A new network with the initial weights of ``seed``, as the recipe starts it, ready on the device.

    Args:
        added: what makes of it what is trained.
        start: trained weights that take the place of the initial ones, as far as they fit.
    """
    with seeded(seed):
        network = architecture.build()
    if recipe.scaled_residuals:
        scale_residuals(network)
    if start is not None:
        start.begin(network, architecture)
    return computing.prepared(added(network), device)


@torch.no_grad()
def scale_residuals(network: nn.Module) -> None:
    """Start each of n residual branches at 1 / sqrt(n) of its usual size: their sum varies as one branch does.

    In between the two usual starts: branches of full size, whose sum grows with the depth, and branches that start at
    nothing (Goyal et al. 2017, section 5.1), after which short trainings of all networks are alike (docs/regime.md).
    """
    if not isinstance(network, SupportsResiduals):
        return
    ends = network.residual_ends()
    for end in ends:
        cast(torch.Tensor, end.weight).fill_(1 / math.sqrt(len(ends)))
