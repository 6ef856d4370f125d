"""The final training of a winner: on training and validation images, tested once, resumable after every epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from regnas import weights
from regnas.architecture import Architecture
from regnas.dataset import DataSet
from regnas.errors import RegnasError
from regnas.evaluators.training.additions import Additions, without
from regnas.evaluators.training.batches import Batches, checked
from regnas.evaluators.training.devices import settle
from regnas.evaluators.training.evaluator import build, decoding_of
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.options.start import Normalisation, begun, normalisation, start_for
from regnas.evaluators.training.parallel.data_parallel import WHOLE, Share, check_shares
from regnas.evaluators.training.precision import Computing, choose, machine_of
from regnas.evaluators.training.recipe import Recipe
from regnas.evaluators.training.scoring import Diverged, top1_error
from regnas.system.files import replacing
from regnas.system.reading import open_file
from regnas.system.text import counted


class FinalTraining:
    """One long training, or one process's share of it. ``threads`` None is torch's own choice on a GPU, one thread on a
    CPU.

    Raises:
        UsageError: more processes than half the images of a batch.
    """

    def __init__(
        self,
        architecture: Architecture,
        data: DataSet,
        recipe: Recipe,
        *,
        seed: int,
        device: str,
        threads: int | None,
        share: Share = WHOLE,
        additions: Additions | None = None,
    ) -> None:
        self._additions, self._key = additions or Additions(), (seed, share.rank)
        self._data = data
        self._device = settle(device, threads or 1)
        training, validation = data.fit()
        everything = checked(training, data, "training").joined(checked(validation, data, "validation"))
        self._start, recipe = start_for(recipe, data.class_names, architecture)
        self._normalisation = normalisation(everything, self._start)
        self._computing = choose(
            machine_of(self._device),
            recipe.precision,
            flops=architecture.complexity(data.regime.images.resolution).flops,
            steps=recipe.steps(len(everything)),
        )
        if share.count > 1:
            check_shares(share.count, min(recipe.batch_size, len(everything)))
            self._computing = replace(self._computing, recorded=False)  # what waits for others is not recorded
        if self._additions.drop_path:  # a recording repeats the probability that it was made with
            self._computing = replace(self._computing, recorded=False)
        batches = Batches(
            everything,
            self._device,
            **self._normalisation.numbers,
            pad=recipe.pad,
            classes=len(data.class_names),
            layout=self._computing.layout,
        )
        resolution = data.regime.images.resolution
        network = build(
            architecture,
            seed,
            self._device,
            self._computing,
            recipe,
            lambda network: self._additions.added_to(network, architecture, resolution, seed),
            self._start,
        )
        self._network = without(network) if self._additions.aux_weight else network
        self._trainer = Trainer(
            network,
            batches,
            recipe,
            seed=seed,
            device=self._device,
            computing=self._computing,
            share=share,
            auxiliary=self._additions.aux_weight,
        )
        self.epochs = recipe.epochs

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return self._trainer.epoch

    def run_epoch(self) -> float:
        """Train one epoch; returns the mean loss.

        Raises:
            RegnasError: the loss stopped being finite.
        """
        try:
            with self._additions.epoch(self._network, self.epoch / self.epochs, self._device, *self._key, self.epoch):
                return self._trainer.run_epoch()
        except Diverged as error:
            raise diverged(error) from error

    def save(self, path: Path) -> None:
        """Write a snapshot, whole or not at all."""
        with replacing(path) as partial:
            torch.save(self._trainer.state(), partial)

    def resume(self, path: Path) -> bool:
        """Go on from a snapshot; False where there is none that can be read.

        Raises:
            RegnasError: it is of another training.
        """
        return load_snapshot(path, self._device, self._trainer.load)

    def facts(self) -> dict[str, Any]:
        """What a user of the weights needs."""
        trained = f"{counted(self.epochs, 'epoch')} on training and validation images"
        normalised = self._normalisation
        return shipped(self._data, normalised.mean, normalised.std, trained) | begun(normalised, self._start)

    def finish(self, folder: Path) -> float | None:
        """Write the weights and score them on the test images, where there are any.

        Raises:
            RegnasError: what the network says of a test image is not finite.
        """
        return score_and_save(self._network, self._data, folder, self._device, self._computing, self._normalisation)


def load_snapshot(path: Path, device: torch.device, load: Callable[[dict[str, Any]], None]) -> bool:
    """Let a training go on from a snapshot; False where there is none that can be read.

    Raises:
        RegnasError: it is of another training.
    """
    try:
        with open_file(path) as file:
            state = torch.load(file, map_location=device, weights_only=True)
    except Exception:  # no file, or torch raises one of many kinds: then the training starts from the beginning
        return False
    try:
        load(state)
    except Exception as error:  # whatever it comes upon
        raise RegnasError(f"the snapshot {path} is of another training; remove it to start again") from error
    return True


def shipped(data: DataSet, mean: Tensor, std: Tensor, trained: str) -> dict[str, Any]:
    """What a user of the weights needs.

    Args:
        mean, std: ``(channels,)``, of the training images, in units of 0..255.
        trained: on what, in words.
    """
    return {
        "class_names": list(data.class_names),
        "resolution": data.regime.images.resolution,
        "mean": mean.tolist(),
        "std": std.tolist(),
        **decoding_of(data),
        "trained": trained,
    }


def score_and_save(
    network: nn.Module,
    data: DataSet,
    folder: Path,
    device: torch.device,
    computing: Computing,
    normalised: Normalisation,
) -> float | None:
    """Write the weights and score them on the test images, where there are any.

    Args:
        normalised: what pixels are normalised by.

    Raises:
        RegnasError: what the network says of a test image is not finite.
    """
    weights.save(network, folder)
    test = data.test()
    if test is None:
        return None
    batches = Batches(checked(test, data, "test"), device, **normalised.numbers, layout=computing.layout)
    try:
        return top1_error(network, batches, device, computing)
    except Diverged as error:
        raise diverged(error) from error


def diverged(error: Diverged) -> RegnasError:
    """A training that came to nothing, with the way out."""
    return RegnasError(f"{error}; try another --seed, or a lower learning rate in the recipe")
