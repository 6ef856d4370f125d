"""A data set in one file: arrays, splits and regime of any other, for machines that do not have that one."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from regnas.dataset import DataSet, Regime, Source, Split, SupportsDecoding
from regnas.errors import DataError, UsageError
from regnas.images import Images
from regnas.system.reading import fields, open_file, parse_json

_SCHEMA = 1
_PARTS = ("training", "validation", "test")


def pack(data: DataSet) -> bytes:
    """The content of a ``packed:FILE``: an .npz with the arrays of all splits, not pickled, and what else is known.

    Raises:
        DataError: as the data set does, when its images are read.
    """
    splits = dict(zip(_PARTS, (*data.fit(), data.test()), strict=True))
    about = {
        "schema": _SCHEMA,
        "name": data.name,
        "class_names": list(data.class_names),
        "regime": asdict(data.regime),
        "images": data.regime.images.to_json(),
        **({"decoding": dict(data.decoding)} if isinstance(data, SupportsDecoding) else {}),
    }
    arrays: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
    for part, split in splits.items():
        if split is not None:
            arrays |= {f"x_{part}": split.images, f"y_{part}": split.labels}
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


@dataclass(frozen=True, eq=False)
class PackedDataSet:
    """Reads the images at their first use."""

    path: Path
    name: str
    class_names: tuple[str, ...]
    regime: Regime
    decoding: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _splits(self) -> dict[str, Split]:
        with _opened(self.path) as arrays:
            parts = [part for part in _PARTS if part != "test" or f"x_{part}" in arrays]
            return {part: Split(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in parts}

    def fit(self) -> tuple[Split, Split]:
        return self._splits["training"], self._splits["validation"]

    def test(self) -> Split | None:
        return self._splits.get("test")


def packed(source: Source) -> DataSet:
    """``packed:FILE``, at the resolution it was packed at.

    Raises:
        UsageError: another resolution.
        DataError: no such file, or not one of `pack`.
    """
    path = Path(source.argument)
    about = _read(path)
    try:
        regime = Regime(**{**about["regime"], "images": Images.from_json(about["images"])})
    except (TypeError, ValueError) as error:
        raise DataError(f"{path} is no packed data set: its images are of no kind ({error}); pack it again") from error
    if source.resolution not in (None, regime.images.resolution):
        raise UsageError(f"{path} is packed at {regime.images.resolution} pixels, got --resolution {source.resolution}")
    return PackedDataSet(path, about["name"], tuple(about["class_names"]), regime, about["decoding"] or {})


def _read(path: Path) -> dict[str, Any]:
    with _opened(path) as arrays:
        about = parse_json(arrays["about"].tobytes().decode(), path)
    if (schema := fields(about, path).get("schema")) != _SCHEMA:
        raise DataError(f"{path} is of schema {schema}, this regnas reads {_SCHEMA}; pack it again")
    return fields(about, path, name=str, class_names=list, regime=dict, images=dict, decoding=dict | None)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The arrays of a file.

    Raises:
        DataError: no such file, not one of `pack`, or damaged.
    """
    try:
        with open_file(path) as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, BadZipFile, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise DataError(f"{path} is no packed data set, or damaged ({why}); pack it again") from error
