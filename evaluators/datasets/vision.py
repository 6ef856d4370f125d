"""Data sets that torchvision reads and downloads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regnas.dataset import DataSet, Regime, Source, Split
from regnas.errors import DataError, UsageError
from regnas.evaluators.datasets.common import COLOUR, GREY, ArrayDataSet, regime_at, split_of
from regnas.evaluators.datasets.embedded import FASHION_CLASSES

_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class _Known:
    name: str
    torchvision: str
    classes: int
    regime: Regime
    held_out: float
    class_names: tuple[str, ...] = ()


def mnist(source: Source) -> DataSet:
    """MNIST: 50,000 training, 10,000 validation and 10,000 test images of 28 x 28 grey pixels."""
    return _made(_Known("mnist", "MNIST", 10, GREY, 1 / 6), source)


def fashion_mnist(source: Source) -> DataSet:
    """Fashion-MNIST: 50,000, 10,000 and 10,000 images of 28 x 28 grey pixels."""
    return _made(_Known("fashion-mnist", "FashionMNIST", 10, GREY, 1 / 6, FASHION_CLASSES), source)


def cifar10(source: Source) -> DataSet:
    """CIFAR-10: 45,000, 5,000 and 10,000 images of 32 x 32 pixels."""
    return _made(_Known("cifar10", "CIFAR10", 10, COLOUR, 0.1, _CIFAR10), source)


def cifar100(source: Source) -> DataSet:
    """CIFAR-100: 45,000, 5,000 and 10,000 images of 32 x 32 pixels."""
    return _made(_Known("cifar100", "CIFAR100", 100, COLOUR, 0.1), source)


def _made(known: _Known, source: Source) -> DataSet:
    if source.argument:
        raise UsageError(f"{known.name} takes no argument, got {source.argument!r}; its folder is --data-root")
    root = source.root or Path.home() / ".cache" / "regnas" / "data"
    return ArrayDataSet(
        name=known.name,
        class_names=known.class_names or tuple(str(label) for label in range(known.classes)),
        regime=regime_at(known.regime, source.resolution, known.classes),
        read_training=_reader(known, root, True, source.download),
        read_test=_reader(known, root, False, source.download),
        share=known.held_out,
    )


def _reader(known: _Known, root: Path, train: bool, download: bool) -> Callable[[], Split]:
    def read() -> Split:
        data = _open(known, root, train, download)
        return split_of(np.asarray(data.data), np.asarray(data.targets))

    return read


def _open(known: _Known, root: Path, train: bool, download: bool) -> Any:
    try:
        from torchvision import datasets
    except ImportError as error:
        raise DataError(f"{known.name} needs torchvision: pip install 'regnas[vision]' ({error})") from error
    try:
        return getattr(datasets, known.torchvision)(str(root), train=train, download=download)
    except RuntimeError as error:
        if download:
            raise DataError(f"cannot download {known.name} to {root}: {error}") from error
        raise DataError(
            f"{known.name} is not in {root}; add --download to fetch it, or --data-root FOLDER where it lies"
        ) from error
    except Exception as error:  # torchvision asserts what it reads
        raise DataError(
            f"cannot read {known.name} in {root}: {type(error).__name__} {error}; remove it and add --download, or "
            f"give --data-root FOLDER"
        ) from error
