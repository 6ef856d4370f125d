"""The data set that ships with regnas: 6,000 + 2,000 images of Fashion-MNIST (Xiao et al. 2017, MIT licence)."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files

import numpy as np

from regnas.dataset import DataSet, Source, Split
from regnas.errors import UsageError
from regnas.evaluators.datasets.common import GREY, ArrayDataSet, regime_at, split_of

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# Pooled over the better halves of 12 networks each of anynetx-a and regnetx, 3 seeds (benchmarks/noise.py).
_REGIME = replace(GREY, seed_sd=0.006)


def fashion_mnist_mini(source: Source) -> DataSet:
    """4,500 training, 1,500 validation and 2,000 test images of 28 x 28 grey pixels; class-balanced.

    Raises:
        UsageError: an argument.
    """
    if source.argument:
        raise UsageError(f"fashion-mnist-mini takes no argument, got {source.argument!r}")
    return ArrayDataSet(
        name="fashion-mnist-mini",
        class_names=FASHION_CLASSES,
        regime=regime_at(_REGIME, source.resolution, 10),
        read_training=lambda: _read("train"),
        read_test=lambda: _read("test"),
        share=0.25,
    )


def _read(part: str) -> Split:
    where = files("regnas.evaluators.datasets") / "fashion_mnist_mini.npz"
    with as_file(where) as path, np.load(path) as arrays:
        return split_of(arrays[f"x_{part}"], arrays[f"y_{part}"])
