"""A data set in one file: the same images, splits and regime as the one that was packed."""

from __future__ import annotations

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
