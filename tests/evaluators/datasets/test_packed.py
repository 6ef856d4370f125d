"""A data set in one file: the same images, splits and regime as the one that was packed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from regnas.dataset import make_dataset
from regnas.errors import DataError, UsageError
from regnas.evaluators.datasets.packed import pack


@pytest.mark.parametrize("spec", ["fake:64", "fashion-mnist-mini[training=500]", "fashion-mnist-mini"])
def test_a_packed_data_set_is_the_data_set(tmp_path: Path, spec: str) -> None:
    resolution = 20 if spec.startswith("fake") else None
    data = make_dataset(spec, resolution=resolution)
    (tmp_path / "data.npz").write_bytes(pack(data))
    packed = make_dataset(f"packed:{tmp_path}/data.npz")
    assert (packed.name, packed.class_names, packed.regime) == (data.name, data.class_names, data.regime)
    test, there = data.test(), packed.test()
    assert test is not None and there is not None
    for mine, other in zip((*data.fit(), test), (*packed.fit(), there), strict=True):
        assert mine.images.dtype == other.images.dtype and mine.labels.dtype == other.labels.dtype
        assert np.array_equal(mine.images, other.images) and np.array_equal(mine.labels, other.labels)


def test_what_is_no_packed_data_set_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no")
    np.savez(tmp_path / "other.npz", about=np.frombuffer(b'{"schema": 9}', dtype=np.uint8))
    for name in ("absent.npz", "text.npz"):
        with pytest.raises(DataError, match=f"{name} is no packed data set"):
            make_dataset(f"packed:{tmp_path}/{name}")
    with pytest.raises(DataError, match="is of schema 9, this regnas reads 1"):
        make_dataset(f"packed:{tmp_path}/other.npz")


def test_it_has_one_resolution(tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(pack(make_dataset("fake")))
    make_dataset(f"packed:{tmp_path}/data.npz", resolution=16)
    with pytest.raises(UsageError, match="is packed at 16 pixels, got --resolution 32"):
        make_dataset(f"packed:{tmp_path}/data.npz", resolution=32)


def test_a_file_of_an_earlier_release_says_its_stem_and_is_the_same_data_set(tmp_path: Path) -> None:
    data = make_dataset("fake:64")
    with np.load(io.BytesIO(pack(data))) as packed:
        arrays = dict(packed)
    about = json.loads(arrays["about"].tobytes())
    old = {"resolution": 16, "classes": 4, "stem": "simple", "stem_width": 8, "strides": [1, 1, 2, 2]}
    about["images"] = about["regime"]["images"] = old
    np.savez(tmp_path / "old.npz", **{**arrays, "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)})
    assert make_dataset(f"packed:{tmp_path}/old.npz").regime == data.regime
