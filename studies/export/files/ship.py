"""``regnas export`` to a file for a runtime: checked before, written, and compared with torch on images."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regnas import weights
from regnas.dataset import Split, make_dataset, spec_of, whole_of
from regnas.deployment import LAYOUTS, OUTSIDE, Shipment, SupportsFile
from regnas.errors import RegnasError, UsageError
from regnas.format import make_format
from regnas.pictures import Pixels
from regnas.studies.export.files.parity import Parity, check, compared
from regnas.studies.training.using.network import Trained, find_trained
from regnas.system.files import remove_leftovers, replacing

if TYPE_CHECKING:
    from regnas.prediction import Predictor

NO_IMAGES = "none"
_MOST = 2000  # validation images that a file is compared on
_RANDOM = 64  # pictures of noise, where there are no images

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ShipOptions:
    """What of an export is asked beside its format.

    Attributes:
        output: file; the run's name with the format's suffix, in the working folder, unless said.
        int8: quantise, and say what it costs and brings.
        int8_output: where the quantised file is kept; it is not unless said.
        data, data_root, download: the images that files are compared on; those of the run's training unless said, and
            noise for ``none``.
        cache: folder of decoded images, where a search kept some.
        called: what the lines of the program call the file; ``output`` unless said.
    """

    output: str | None = None
    opset: int | None = None
    preprocessing: str = OUTSIDE
    layout: str = LAYOUTS[0]
    int8: bool = False
    int8_output: str | None = None
    data: str | None = None
    data_root: str | None = None
    download: bool = False
    cache: Path | None = None
    called: str | None = None


def ships(form: str) -> bool:
    """Whether a format is a file for a runtime.

    Raises:
        PluginNotFound: no such format.
    """
    return isinstance(make_format(form), SupportsFile)


def file_of(target: str, form: str, output: str | None = None) -> Path:
    """Where a trained network goes as a file of a format that `ships`: ``output``, or the run's name with its suffix.

    Raises:
        RegnasError: no trained network, where its name is needed.
    """
    return Path(output or f"{_name(find_trained(target))}{getattr(make_format(form), 'suffix', '')}")


def ship(target: str, form: str, asked: ShipOptions, say: Say) -> str:
    """Write a trained network as a file; returns the lines of a program that uses it.

    All that can be refused is refused before the work. The file takes its place when it has been compared with torch.

    Args:
        target: see `regnas.studies.training.using.network.find_trained`.
        say: called with what a user should hear meanwhile.

    Raises:
        RegnasError: no trained network, no images, a runtime that is not installed, or a file that differs from torch.
        UsageError: options that make no sense together.
    """
    made = make_format(form)
    if not isinstance(made, SupportsFile):
        raise UsageError(f"{form} is text and no file for a runtime")
    if form != "onnx" and (asked.int8 or asked.int8_output):
        raise UsageError(f"--int8 is of onnx, and the format is {form}; leave it out, or say --format onnx")
    trained = find_trained(target)
    path = Path(asked.output or f"{_name(trained)}{made.suffix}")
    kept = Path(asked.int8_output) if asked.int8_output else None
    _check_places(path, kept)
    shipment, predictor = _shipment(trained, asked)
    made.check(shipment)
    for remark in (trained.remark, shipment.preprocessing.remark):
        if remark:
            say(remark)
    images = _images(trained, shipment, asked)
    say(f"exporting {trained.folder}; the first export of a process takes half a minute")
    try:
        remove_leftovers(path.resolve().parent)
        with replacing(path) as partial:
            made.save(shipment, partial)
            found = compared(predictor, made, partial, shipment, images.validation, images.what)
            check(found, form)
            say(f"{path}: {path_size(partial)}, {found.text()}")
    except OSError as error:
        raise RegnasError(f"cannot write {path}: {error.strerror or error}; name another --output") from error
    if asked.int8 or kept:
        _int8(path, kept, shipment, images, found, say)
    return made.lines(Path(asked.called) if asked.called else path, shipment)


@dataclass(frozen=True, eq=False)
class _Images:
    """What a file is compared on, and calibrated on."""

    what: str
    validation: Split
    training: Pixels


def _name(trained: Trained) -> str:
    """``regnetx-random-0`` of its folder ``best``, else the folder's own."""
    folder = trained.folder.resolve()
    return folder.parent.name if folder.name == "best" else folder.name


def _check_places(path: Path, kept: Path | None) -> None:
    for one, flag in ((path, "--output"), (kept, "--int8-output")):
        if one is not None and one.is_dir():
            raise UsageError(f"{flag} is a file, and {one} is a folder; name a file in it")
        if one is not None and not one.resolve().parent.is_dir():
            raise UsageError(f"there is no folder {one.resolve().parent} for {flag} {one}; make it first")
    if kept is not None and kept.resolve() == path.resolve():
        raise UsageError(f"--output and --int8-output are both {path}; name two files")


def _shipment(trained: Trained, asked: ShipOptions) -> tuple[Shipment, Predictor]:
    import torch

    torch.set_num_threads(1)
    predictor = weights.load(trained.folder).predict
    shipment = Shipment(
        predictor.network,
        predictor.preprocessing,
        place=asked.preprocessing,
        layout=asked.layout,
        opset=asked.opset,
    )
    return shipment, predictor


def _images(trained: Trained, shipment: Shipment, asked: ShipOptions) -> _Images:
    """Validation and training images, or noise.

    Raises:
        UsageError: int8 without images, images of other classes or channels.
        DataError: the images are not there.
    """
    made = shipment.preprocessing
    text = spec_of(asked.data) if asked.data else trained.data
    if text == NO_IMAGES:
        if asked.int8 or asked.int8_output:
            raise UsageError("--int8 is calibrated on training images, got --data none; name the data set")
        shape = (_RANDOM, made.channels, made.resolution, made.resolution)
        noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        return _Images("pictures of noise", Split(noise, np.full(_RANDOM, -1, dtype=np.int64)), noise)
    if text is None:
        raise UsageError(
            f"{trained.folder} does not say what it was trained on; name it with --data, or --data {NO_IMAGES} to "
            f"compare the file on noise"
        )
    where: dict[str, Any] = {"root": asked.data_root, "download": asked.download, "cache": asked.cache}
    data = make_dataset(whole_of(text), resolution=made.resolution, **where)
    if tuple(data.class_names) != made.class_names:
        raise UsageError(f"{text} has other classes than the network; name the data set it was trained on")
    training, validation = data.fit()
    if validation.images.shape[1] != made.channels:
        raise UsageError(
            f"the images of {text} have {validation.images.shape[1]} channels, the network was trained on "
            f"{made.channels}; read them so with channels={made.channels}"
        )
    some = validation[:: -(-len(validation) // _MOST)]
    return _Images("validation images", some, training.images)


def path_size(path: Path) -> str:
    """The size of a file, in words."""
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _int8(path: Path, kept: Path | None, shipment: Shipment, images: _Images, before: Parity, say: Say) -> None:
    from regnas.studies.export.files.int8 import calibration_images, convolutions, milliseconds, quantise
    from regnas.studies.export.files.onnx_file import Onnx

    chosen = calibration_images(images.training)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "int8.onnx"
        quantise(path, out, shipment, chosen)
        logits = Onnx().outputs(out, shipment, shipment.inputs(images.validation.images))
        right = float((logits.argmax(1) == images.validation.labels).mean())
        counts = convolutions(out)
        slow, fast = milliseconds([path, out], shipment, images.validation.images)
        say(
            f"int8, calibrated on {len(chosen)} training images: {path_size(out)}, {counts['int8']} convolutions in "
            f"int8, {counts['float']} in float"
        )
        change = right - before.accuracy
        say(f"accuracy on {images.what}: float32 {before.accuracy:.2%}, int8 {right:.2%} ({change:+.2%})")
        faster = slow / fast
        word = "faster" if faster >= 1 else "slower: on this machine int8 does not pay"
        say(
            f"one picture, one thread, on this machine now: float32 {slow:.3f} ms, int8 {fast:.3f} ms, "
            f"{faster:.2f} x, {word}"
        )
        if kept is None:
            say("the int8 file is not kept; --int8-output FILE keeps it")
            return
        try:
            with replacing(kept) as partial:
                shutil.copyfile(out, partial)
        except OSError as error:
            raise RegnasError(f"cannot write {kept}: {error.strerror}; name another --int8-output") from error
        say(f"int8 in {kept}")
