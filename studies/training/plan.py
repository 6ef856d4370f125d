"""What ``regnas train`` trains: a target and flags, checked, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regnas import weights
from regnas.architecture import Architecture
from regnas.dataset import DataSet, make_dataset, spec_of, whole_of, with_options
from regnas.errors import RegnasError, UsageError
from regnas.pretrained import with_classes
from regnas.studies.search.images import fingerprint_of
from regnas.studies.training.beginning import begun
from regnas.system.duration import seconds_of, short
from regnas.system.reading import fields, fields_if_whole, read_json

if TYPE_CHECKING:
    from regnas.evaluators.training.additions import Additions
    from regnas.evaluators.training.recipe import Recipe

EPOCHS = 30  # of a training, unless its epochs or its time are said
UNTIL_FLAT = "until flat"  # what a training in a given time has instead of a number of epochs
_MOST_WORKERS = 1024  # processes of one training


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """A final training that has been checked and can start.

    Attributes:
        text: spec of the data set.
        where: the arguments of `make_dataset` beside the spec, as JSON values.
        fingerprint: of the images; None where the data set has none.
        devices: one for each process.
        threads: of each process; None for its own choice.
        additions: an auxiliary head and dropped paths, or none.
        seconds: that it may take; None where its number of epochs is said.
        start: what is taken from trained weights, in words; None where it begins anew.
    """

    architecture: Architecture
    text: str
    where: dict[str, Any]
    images: DataSet
    fingerprint: Mapping[str, Any] | None
    recipe: Recipe
    seed: int
    folder: Path
    devices: tuple[str, ...]
    threads: int | None
    additions: Additions
    seconds: float | None = None
    start: str | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for a training to go on: JSON values. The time that it may take is no part of it."""
        workers = len(self.devices)
        recipe = self.recipe.to_json()
        if self.seconds is not None:
            recipe["epochs"] = UNTIL_FLAT
        return {
            "architecture": self.architecture.to_json(),
            "data": self.text,
            **({"fingerprint": self.fingerprint} if self.fingerprint else {}),
            "resolution": self.images.regime.images.resolution,
            "seed": self.seed,
            "recipe": recipe,
            **({"additions": added} if (added := self.additions.to_json()) else {}),
            **({"workers": workers} if workers > 1 else {}),
        }

    @property
    def told(self) -> dict[str, Any]:
        """What the other processes of the training are told: JSON values."""
        return {
            "architecture": self.architecture.to_json(),
            "data": {**self.where, "text": self.text},
            "recipe": self.recipe.to_json(),
            "seed": self.seed,
            "threads": self.threads,
            "additions": self.additions.to_json(),
        }


def plan_training(
    target: str,
    *,
    epochs: int | None = None,
    time: float | str | None = None,
    data: str | None = None,
    data_root: str | Path | None = None,
    download: bool = False,
    skip_broken: bool = False,
    resolution: int | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    workers: int = 1,
    aux_weight: float = 0.0,
    drop_path: float = 0.0,
    init: str | Path | None = None,
    learning_rate: float | None = None,
) -> TrainingPlan:
    """Check everything before a training starts; arguments as of `regnas.studies.training.train.train`.

    Raises:
        UsageError: what was asked makes no sense.
        RegnasError: no such target, data set or device.
    """
    seconds = _time(epochs, time, workers)
    additions = _additions(aux_weight, drop_path, seconds)
    epochs = EPOCHS if epochs is None else epochs
    if not -(2**63) <= seed < 2**63:
        raise UsageError(f"--seed is a whole number of 64 bits, from -2^63 to 2^63 - 1, got {seed}")
    path, settings = _target(target)
    text = _images(data, settings, skip_broken=skip_broken)
    folder = folder_of(target, epochs, out, seconds)
    where: dict[str, Any] = {
        "root": str(data_root) if data_root else None,
        "resolution": resolution or (settings.get("images") or {}).get("resolution"),
        "cache": str(folder / "cache"),
    }
    devices = _devices(device, workers)
    images = make_dataset(text, **where, download=download)
    architecture = _network(path, images, text, adapted=init is not None)
    additions.check(architecture, images.regime.images.resolution)
    recipe, start = begun(_recipe(settings, images, epochs, workers, folder), architecture, images, init, learning_rate)
    return TrainingPlan(
        architecture=architecture,
        text=text,
        where=where,
        images=images,
        fingerprint=fingerprint_of(images),
        recipe=recipe if seconds is None else recipe.until_flat(),
        seed=seed,
        folder=folder,
        devices=devices,
        threads=threads,
        additions=additions,
        seconds=seconds,
        start=start,
    )


def _images(data: str | None, settings: Mapping[str, Any], *, skip_broken: bool) -> str:
    """The spec of the images: a search may have seen a part of its own."""
    text = spec_of(data) if data else whole_of(settings.get("data") or "fashion-mnist-mini")
    return with_options(text, skip_broken="true") if skip_broken else text


def _time(epochs: int | None, time: float | str | None, workers: int) -> float | None:
    """The seconds that a training may take; None where its epochs are counted."""
    if epochs is not None and epochs < 1:
        raise UsageError(f"--epochs is at least 1, got {epochs}")
    if time is None:
        return None
    if epochs is not None:
        raise UsageError(
            f"--epochs {epochs} and --time {time}: give one of them; in a time it trains as long as it helps"
        )
    if workers > 1:
        raise UsageError(f"--time trains in one process, got --workers {workers}; say --epochs N for several")
    return seconds_of(time, "time")


def _additions(aux_weight: float, drop_path: float, seconds: float | None) -> Additions:
    from regnas.evaluators.training.additions import Additions

    made = Additions(aux_weight=aux_weight, drop_path=drop_path)
    if made.to_json() and seconds is not None:
        raise UsageError("--aux-weight and --drop-path are for trainings of counted epochs; say --epochs N, not --time")
    return made


def folder_of(target: str, epochs: int | None, out: str | Path | None, seconds: float | None = None) -> Path:
    """Where a training leaves its result: ``final-EPOCHS`` or ``final-TIME`` beside its target unless said."""
    path = Path(target)
    name = f"final-{epochs or EPOCHS}" if seconds is None else f"final-{short(seconds)}"
    return Path(out) if out else (path if path.is_dir() else path.parent) / name


def _network(path: Path, images: DataSet, text: str, *, adapted: bool) -> Architecture:
    """The network in a file or folder; ``adapted``, with as many outputs as there are classes."""
    architecture, classes = weights.read_architecture(path), len(images.class_names)
    if adapted:
        architecture = with_classes(architecture, classes)
    outputs = architecture.to_json().get("classes", classes)
    if classes != outputs:
        raise UsageError(
            f"the network has {outputs} outputs and {text} {classes} classes; "
            f"name the data set it is for with --data, or change classes in its JSON"
        )
    return architecture


def _recipe(settings: dict[str, Any], images: DataSet, epochs: int, workers: int, folder: Path) -> Recipe:
    """A study's own recipe where its candidates were trained, else the data set's, as an interrupted training began."""
    from regnas.evaluators.training.parallel.data_parallel import check_shares
    from regnas.evaluators.training.recipe import Recipe

    known = settings.get("recipe") or {}
    stored = Recipe.of_study(known)
    recipe = replace(stored or Recipe.usual(images.regime), epochs=epochs)
    if isinstance(known.get("flip"), bool):  # said of shared weights
        recipe = replace(recipe, flip=known["flip"])
    if stored is None:
        begun = _begun(folder, {"drop_last": False, "scaled_residuals": True})
        recipe = replace(recipe, scaled_residuals=bool(begun.get("scaled_residuals", False)))
        if images.regime.steps and "drop_last" in begun:
            recipe = recipe.for_images(sum(map(len, images.fit())), images.regime.steps, said=("epochs",))
    check_shares(workers, recipe.batch_size)
    return recipe


def _begun(folder: Path, new: dict[str, Any]) -> dict[str, Any]:
    """The recipe of the training that was begun in a folder, or that of a new one."""
    stored = fields_if_whole(folder / "training.json", recipe=dict)
    return new if stored is None else dict(stored["recipe"])


def _devices(device: str, workers: int) -> tuple[str, ...]:
    """One for each process."""
    from regnas.evaluators.training.devices import devices

    found = devices(device)
    if not 1 <= workers <= _MOST_WORKERS:
        raise UsageError(f"--workers is from 1 to {_MOST_WORKERS:,}, got {workers}")
    if found == ["cpu"]:
        return (*found * workers,)
    if workers > len(found):
        raise UsageError(
            f"--workers is at most {len(found)}, the devices of --device {device}: each process has one; got {workers}"
        )
    return tuple(found[:workers])


def _target(target: str) -> tuple[Path, dict[str, Any]]:
    """The file or folder with the architecture, and the settings of the study, or of the training, it comes from."""
    path = Path(target)
    if not path.exists():
        raise RegnasError(f"there is no {target}; name a study's folder below regnas-runs, or an architecture file")
    if path.is_dir() and (path / "best.json").exists():
        path = path / "best.json"
    if path.is_dir() and not (path / weights.ARCHITECTURE).exists():
        raise RegnasError(f"{path} holds no best.json: finish the search first, or name an architecture file")
    path = path / weights.ARCHITECTURE if path.is_dir() else path
    value = read_json(path)
    stored = fields(value if isinstance(value, dict) else {}, path, settings=dict | None)
    if stored["settings"] is None:
        return path, _of_training(stored)
    kinds = {"data": str | None, "images": dict | None, "recipe": dict | None}
    settings = fields(stored.get("settings") or {}, f"settings of {path}", **kinds)
    fields(settings.get("images") or {}, f"images of {path}", resolution=int | None)
    return path, settings


def _of_training(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside a trained network's architecture, as settings of a study: its images and their size; nothing
    of an architecture alone.
    """
    data, resolution = facts.get("data"), facts.get("resolution")
    return {
        **({"data": data} if isinstance(data, str) else {}),
        **({"images": {"resolution": resolution}} if isinstance(resolution, int) else {}),
    }
