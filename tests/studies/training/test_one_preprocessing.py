"""A picture is the same to a network in training, in tests, in predictions and in the lines of an exported file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from regnas.dataset import Regime, Split, make_dataset
from regnas.deployment import Shipment
from regnas.errors import RegnasError
from regnas.evaluators.datasets.common import ArrayDataSet
from regnas.evaluators.datasets.packed import pack
from regnas.evaluators.training.batches import Batches, statistics
from regnas.evaluators.training.final import shipped
from regnas.images import Images
from regnas.pictures import read_picture
from regnas.prediction import Predictor
from regnas.preprocessing import Preprocessing
from regnas.studies.export.files.lines import onnx_lines, pt2_lines

SIDE = 8
PIXELS = st.sampled_from([1, 3]).flatmap(lambda channels: arrays(np.uint8, (3, channels, SIDE, SIDE)))


@given(pixels=PIXELS)
def test_normalisation_is_that_of_training_to_the_last_bit(pixels: Any) -> None:
    split = Split(pixels, np.zeros(3, dtype=np.int64))
    mean, std = statistics(split)
    made = Preprocessing(("a", "b"), SIDE, tuple(mean.tolist()), tuple(std.tolist()))
    ((images, _),) = Batches(split, torch.device("cpu"), mean=mean, std=std).in_order(3)
    assert np.array_equal(made.normalised(pixels), images.numpy())


def save(pixels: Any, file: Path) -> Path:
    """Pixels ``(channels, h, w)`` as a PNG."""
    Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(file)
    return file


@pytest.mark.parametrize("resolution", [14, 20, 28, 40])
def test_an_image_of_an_array_is_the_same_picture_as_a_file_at_any_resolution(tmp_path: Path, resolution: int) -> None:
    native = make_dataset("fashion-mnist-mini")
    data = make_dataset("fashion-mnist-mini", resolution=resolution)
    originals, seen = native.fit()[1].images[:20], data.fit()[1].images[:20]
    mean, std = statistics(data.fit()[0])
    made = Preprocessing.of(shipped(data, mean, std, ""), "facts")
    for number, original in enumerate(originals):
        assert np.array_equal(made.read(save(original, tmp_path / f"{number}.png")), seen[number])


class Brightest(torch.nn.Module):
    """Takes an image for class 1 where a pixel of it is brighter than ``level``, in normalised units."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        above = x.amax((1, 2, 3)) - self.level
        return torch.stack([-above, above], 1)


def edges(count: int, side: int) -> Split:
    """Grey and light halves: of 64 and 192 in class 0, of 64 and 200 in class 1. Only what overshoots at the edge of
    the first is as bright as the second.
    """
    labels = np.arange(count) % 2
    images = np.full((count, 1, side, side), 64, dtype=np.uint8)
    for number, label in enumerate(labels):
        images[number, 0, :, side // 3 + number // 2 % 2 :] = 200 if label else 192
    return Split(images, labels.astype(np.int64))


def test_a_set_that_another_resampling_spoils_is_predicted_as_it_was_trained(tmp_path: Path) -> None:
    """Averaging never leaves the range of its pixels, and bicubic interpolation does: with the resampling that files
    usually have, which the example of earlier releases used, half of these images are taken for the other class.
    """
    everything = edges(40, 48)
    data = ArrayDataSet(
        "edges",
        ("dim", "bright"),
        Regime(Images(32, 2), flops="1M:2M"),
        lambda: everything,
        lambda: everything,
        0.25,
    )
    mean, std = statistics(data.fit()[0])
    network = Brightest(float((196 - mean) / std))
    facts = shipped(data, mean, std, "")
    predictor = Predictor(network, facts, "facts")
    files = [save(pixels, tmp_path / f"{number}.png") for number, pixels in enumerate(everything.images)]
    truth = [data.class_names[label] for label in everything.labels]
    test = data.test()
    assert test is not None
    assert (predictor.logits(test.images).argmax(1) == test.labels).all()
    assert [one.class_name for one in predictor(files)] == truth
    usual = Predictor(network, {**facts, "decoding": None}, "facts")
    assert sum(one.class_name != name for one, name in zip(usual(files), truth, strict=True)) == 20


def test_a_packed_data_set_keeps_how_its_pictures_were_read(tmp_path: Path) -> None:
    data = make_dataset("fashion-mnist-mini[training=100]", resolution=20)
    (tmp_path / "packed").write_bytes(pack(data))
    again = make_dataset(f"packed:{tmp_path / 'packed'}")
    mean, std = statistics(data.fit()[0])
    assert shipped(again, mean, std, "")["decoding"] == shipped(data, mean, std, "")["decoding"]
    assert Preprocessing.of(shipped(again, mean, std, ""), "facts").resampling == "box"


SOUND = {"class_names": ["a", "b"], "resolution": 8, "mean": [1.0], "std": [2.0]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"class_names": None}, "says no usable class_names"),
        ({"mean": [1.0, 2.0]}, "a normalisation that no images have"),
        ({"std": [0.0]}, "a normalisation that no images have"),
        ({"mean": ["x"]}, "a normalisation that no images have"),
        ({"mean": [float("nan")]}, "a normalisation that no images have"),
        ({"mean": [], "std": []}, "a normalisation that no images have"),
        ({"decoding": {"resampling": "lanczos"}}, "resampled by 'lanczos'.* knows usual, box"),
    ],
)
def test_facts_that_no_network_has_are_refused_with_their_file(change: dict[str, Any], said: str) -> None:
    with pytest.raises(RegnasError, match=f"facts.json .*{said}"):
        Preprocessing.of({**SOUND, **change}, "facts.json")


def test_pictures_that_were_read_by_another_version_are_remarked() -> None:
    assert Preprocessing.of(SOUND, "").remark is None
    old = Preprocessing.of({**SOUND, "decoding": {"version": 1}}, "")
    assert old.remark is not None and "version 1 of regnas.pictures" in old.remark


def _stored(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _odd_pictures() -> dict[str, bytes]:
    """Pictures as people have them."""
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 256, (30, 50, 3), dtype=np.uint8))
    grey = Image.fromarray(rng.integers(0, 256, (30, 50), dtype=np.uint8))
    deep = Image.fromarray(rng.integers(0, 65536, (30, 50), dtype=np.uint16))
    clear = colours.copy()
    clear.putalpha(grey)
    tag = Image.Exif()
    tag[274] = 6
    palette = colours.quantize(16)
    return {
        "colours": _stored(colours),
        "turned": _stored(colours, "JPEG", exif=tag),
        "turned-clear": _stored(clear, exif=tag),
        "grey": _stored(grey),
        "grey-alpha": _stored(grey.convert("LA")),
        "palette": _stored(palette),
        "palette-clear": _stored(palette, transparency=3),
        "colour-clear": _stored(Image.new("RGB", (40, 40), (9, 8, 7)), transparency=(9, 8, 7)),
        "gif": _stored(palette, "GIF"),
        "clear": _stored(clear),
        "one-bit": _stored(grey.convert("1")),
        "deep": _stored(deep),
        "deep-tiff": _stored(deep, "TIFF"),
        "print": _stored(colours.convert("CMYK"), "JPEG"),
        "large": _stored(colours.resize((200, 90))),
        "small": _stored(colours.resize((7, 5))),
    }


@pytest.mark.parametrize("lines", [onnx_lines, pt2_lines], ids=["onnx", "pt2"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resampling", ["usual", "box"])
def test_the_printed_lines_read_odd_pictures_as_training_does(
    tmp_path: Path, lines: Callable[[Path, Shipment], str], channels: int, resampling: str
) -> None:
    made = Preprocessing(("a", "b"), 24, (1.0,) * channels, (2.0,) * channels, resampling)
    text = lines(tmp_path / "net", Shipment(torch.nn.Identity(), made))
    start = text.index("def pixels")
    names: dict[str, Any] = {"np": np, "Image": Image, "size": 24}
    exec("from PIL import ImageOps\n" + text[start : text.index("mean, std")], names)
    for name, content in _odd_pictures().items():
        file = tmp_path / name
        file.write_bytes(content)
        expected = read_picture(file, 24, channels, resampling).transpose(1, 2, 0)
        assert np.array_equal(names["pixels"](file), expected), name
