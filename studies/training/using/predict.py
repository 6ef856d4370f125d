"""``regnas predict``: what a trained network takes pictures for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from regnas.errors import DataError, UsageError
from regnas.evaluators.datasets.pictures.tree import scanned
from regnas.pictures import Pixels
from regnas.studies.training.using.network import find_trained
from regnas.system.text import printable

if TYPE_CHECKING:
    from regnas.prediction import Prediction, Predictor

_AT_ONCE = 64  # pictures in memory


def predict(target: str, images: Sequence[str], *, top: int = 1, as_json: bool = False, threads: int = 1) -> int:
    """Print a line for each picture; those that cannot be read are named on the standard error.

    Args:
        target: see `regnas.studies.training.using.network.find_trained`.
        images: files, and folders whose pictures are all taken.
        top: classes of each picture that are printed.
        as_json: a line of JSON for each picture, with all probabilities.

    Returns:
        How many pictures could not be read.

    Raises:
        RegnasError: no such network.
        UsageError: a folder without pictures, or fewer than 1 class.
    """
    if top < 1:
        raise UsageError(f"--top is at least 1, got {top}")
    files = [file for name in images for file in _files(name)]
    trained = find_trained(target)
    predictor = trained.load(threads)
    for remark in (trained.remark, predictor.preprocessing.remark):
        if remark:
            print(printable(remark), file=sys.stderr)
    broken = 0
    for start in range(0, len(files), _AT_ONCE):
        some = files[start : start + _AT_ONCE]
        for file, found in zip(some, _predictions(predictor, some), strict=True):
            if isinstance(found, DataError):
                broken += 1
                print(printable(str(found)), file=sys.stderr, flush=True)
            else:
                print(_line(file, found, top, as_json), flush=True)
    return broken


def _files(name: str) -> list[Path]:
    path = Path(name)
    if not path.is_dir():
        return [path]
    if not (found := scanned(path).everything):
        raise UsageError(f"{path} holds no pictures; name files, or a folder with some")
    return found


def _predictions(predictor: Predictor, files: Sequence[Path]) -> Iterator[Prediction | DataError]:
    """One for each file, or why it cannot be read."""
    read: list[Pixels | DataError] = []
    for file in files:
        try:
            read.append(predictor.preprocessing.read(file))
        except DataError as error:
            read.append(error)
    whole = [one for one in read if not isinstance(one, DataError)]
    rows = iter(predictor.probabilities(np.stack(whole)) if whole else ())
    for file, one in zip(files, read, strict=True):
        yield one if isinstance(one, DataError) else predictor.named(str(file), next(rows))


def _line(file: Path, found: Prediction, top: int, as_json: bool) -> str:
    if as_json:
        said = {"file": str(file), "class": found.class_name, "probability": found.probability}
        return json.dumps({**said, "probabilities": dict(found.probabilities)})
    classes = [f"{name} {probability:.1%}" for name, probability in list(found.probabilities.items())[:top]]
    return printable(f"{file}: {', '.join(classes)}")
