"""``regnas train``: train one network on all but the test images, test it once, leave weights to ship."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from regnas import weights
from regnas.architecture import canonical
from regnas.dataset import make_dataset, whole_of
from regnas.errors import RegnasError, StudyError, UsageError
from regnas.system.files import write_json

_SNAPSHOT = "resume.pt"


def train(
    target: str,
    *,
    epochs: int,
    data: str | None = None,
    data_root: str | Path | None = None,
    download: bool = False,
    resolution: int | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    workers: int = 1,
    quiet: bool = False,
) -> Path:
    """Train a network on training and validation images together, and test it once at the end.

    Args:
        target: a study's folder or its best.json, or an architecture's JSON file.
        epochs: passes over the images; the same command goes on after an interruption.
        data: spec of the data set; a study's own unless said.
        workers: processes that train it together, each with a share of every batch; each has a GPU where there are any.
        out: folder of the result; ``final-N`` beside the target unless said.

    Returns:
        The folder, which `regnas.load` reads: architecture.json, weights.safetensors, result.json.

    Raises:
        RegnasError: no such target, data set or device, or an interrupted training with other settings.
    """
    from regnas.evaluators.training.data_parallel import Share, check_shares
    from regnas.evaluators.training.final import FinalTraining
    from regnas.evaluators.training.processes import peers
    from regnas.evaluators.training.recipe import Recipe

    if epochs < 1:
        raise UsageError(f"--epochs is at least 1, got {epochs}")
    path, settings = _target(target)
    architecture = weights.read_architecture(path)
    data = data or whole_of(settings.get("data") or "fashion-mnist-mini")  # a search may have seen a part of them
    resolution = resolution or settings.get("images", {}).get("resolution")
    folder = Path(out) if out else (path.parent if path.is_file() else path) / f"final-{epochs}"
    places = _devices(device, workers)
    where: dict[str, Any] = {"root": data_root, "resolution": resolution}
    images = make_dataset(data, **where, download=download, cache=folder / "cache")
    outputs = architecture.to_json().get("classes", len(images.class_names))
    if len(images.class_names) != outputs:
        raise UsageError(
            f"the network has {outputs} outputs and {data} {len(images.class_names)} classes; "
            f"name the data set it is for with --data, or change classes in its JSON"
        )
    regime = images.regime
    of_train = str(settings.get("evaluator")).partition("[")[0] == "train"  # others' recipes are not for training
    stored = settings["recipe"] if of_train else {"flip": regime.flip, "pad": regime.pad}
    recipe = Recipe(**{**stored, "epochs": epochs})
    check_shares(workers, recipe.batch_size)
    identity = {
        "architecture": architecture.to_json(),
        "data": data,
        "resolution": regime.images.resolution,
        "seed": seed,
        "recipe": recipe.to_json(),
        **({"workers": workers} if workers > 1 else {}),
    }
    if (folder / "result.json").exists():
        result = _finished(folder, identity)
        _say(quiet, _summary(result, folder))
        return folder
    _check_snapshot(folder, identity)
    told = {
        "architecture": architecture.to_json(),
        "data": {**where, "root": data_root and str(data_root), "text": data, "cache": str(folder / "cache")},
        "recipe": recipe.to_json(),
        "seed": seed,
        "threads": threads,
    }
    with peers(told, places, folder / _SNAPSHOT, folder / "workers.log"):
        share = Share(0, workers)
        job = FinalTraining(architecture, images, recipe, seed=seed, device=places[0], threads=threads, share=share)
        _run(job, folder, quiet)
    test_error = job.finish(folder)
    details = {"data": data, "epochs": epochs, "test_error": test_error, **job.facts()}
    weights.save_architecture(architecture, folder, details)
    write_json(folder / "result.json", {"schema": 1, "identity": identity, **details})
    (folder / _SNAPSHOT).unlink(missing_ok=True)
    _say(quiet, _summary(details, folder))
    return folder


def _devices(device: str, workers: int) -> list[str]:
    """One for each process."""
    from regnas.evaluators.training.devices import devices

    found = devices(device)
    if workers < 1:
        raise UsageError(f"--workers is at least 1, got {workers}")
    if found == ["cpu"]:
        return found * workers
    if workers > len(found):
        raise UsageError(
            f"--workers is at most {len(found)}, the devices of --device {device}: each process has one; got {workers}"
        )
    return found[:workers]


def _run(job: Any, folder: Path, quiet: bool) -> None:
    if job.resume(folder / _SNAPSHOT):
        _say(quiet, f"resuming after epoch {job.epoch} of {job.epochs}")
    while job.epoch < job.epochs:
        start = time.perf_counter()
        loss = job.run_epoch()
        job.save(folder / _SNAPSHOT)
        _say(
            quiet,
            f"epoch {job.epoch:>3}/{job.epochs}  training loss {loss:.4f}  {time.perf_counter() - start:.1f} s",
        )


def _target(target: str) -> tuple[Path, dict[str, Any]]:
    """The file or folder with the architecture, and the settings of the study it comes from."""
    path = Path(target)
    if not path.exists():
        raise RegnasError(f"there is no {target}; name a study's folder below regnas-runs, or an architecture file")
    if path.is_dir() and (path / "best.json").exists():
        path = path / "best.json"
    if path.is_dir() and not (path / weights.ARCHITECTURE).exists():
        raise RegnasError(f"{path} holds no best.json: finish the search first, or name an architecture file")
    if path.is_dir():
        return path, {}
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise RegnasError(f"cannot read {path}: {error}") from error
    return path, value.get("settings", {}) if isinstance(value, dict) else {}


def _check_snapshot(folder: Path, identity: dict[str, Any]) -> None:
    """Note what is being trained, and refuse to go on with something else."""
    note = folder / "training.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if note.exists() and canonical(json.loads(note.read_text())) != canonical(identity):
            raise StudyError(f"{folder} holds another training; give this one another folder with --out")
        write_json(note, identity)
    except OSError as error:
        raise StudyError(f"cannot write to {folder}: {error.strerror}; choose a folder with --out") from error


def _finished(folder: Path, identity: dict[str, Any]) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((folder / "result.json").read_text())
    if canonical(stored["identity"]) != canonical(identity):
        raise StudyError(f"{folder} holds another finished training; give this one another folder with --out")
    return stored


def _summary(result: dict[str, Any], folder: Path) -> str:
    tested = "no test images" if result["test_error"] is None else f"test error {result['test_error']:.2%}"
    return f"{tested} after {result['epochs']} epochs; weights: {folder}/ (regnas.load({str(folder)!r}))"


def _say(quiet: bool, text: str) -> None:
    if not quiet:
        Console().print(text, highlight=False, markup=False, soft_wrap=True)
