"""Integers of 8 bits instead of floats: static quantisation by ONNX Runtime, calibrated on training images.

Weights have a scale for each channel, signed; activations one for each tensor, unsigned, which is the faster of the two
on x86. What stands before the first convolution, the normalisation of pixels, stays as it is.
"""

from __future__ import annotations

import itertools
import logging
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.deployment import LOGITS, Shipment
from regnas.pictures import Pixels
from regnas.studies.export.files.onnx_file import session_of

CALIBRATION = 512  # training images
_AT_ONCE = 32
_REPEATS, _WARM_UP = 60, 10


def quantise(path: Path, out: Path, shipment: Shipment, pixels: Pixels) -> None:
    """Write an int8 version of an ONNX file.

    Args:
        pixels: of training images, ``(n, channels, h, w)``, from which the ranges of activations are taken.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Batches of the calibration images."""

        def __init__(self) -> None:
            self._batches = _batches(shipment, pixels)

        def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
            return next(self._batches, None)

    nodes = onnx.load(str(path)).graph.node
    before = [node.name for node in itertools.takewhile(lambda node: node.op_type != "Conv", nodes)]
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)  # it advises to prepare the model in a way that the exporter has already done
    try:
        quantize_static(
            str(path),
            str(out),
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=before,
        )
    finally:
        logging.root.setLevel(level)
    _keep_metadata(path, out)


def _batches(shipment: Shipment, pixels: Pixels) -> Iterator[dict[str, npt.NDArray[Any]]]:
    for start in range(0, len(pixels), _AT_ONCE):
        yield {shipment.input_name: shipment.inputs(pixels[start : start + _AT_ONCE])}


def _keep_metadata(path: Path, out: Path) -> None:
    import onnx

    made, model = onnx.load(str(path)), onnx.load(str(out))
    del model.metadata_props[:]
    model.metadata_props.extend(made.metadata_props)
    onnx.save(model, str(out))


def convolutions(path: Path) -> dict[str, int]:
    """Of the graph that ONNX Runtime really runs: how many convolutions compute in ``int8``, how many in ``float``."""
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        optimised = Path(folder) / "optimised.onnx"
        session_of(path, optimised)
        names = [node.op_type for node in onnx.load(str(optimised)).graph.node]
    whole = sum(name in ("QLinearConv", "ConvInteger") for name in names)
    return {"int8": whole, "float": sum(name in ("Conv", "FusedConv") for name in names)}


def milliseconds(paths: list[Path], shipment: Shipment, pixels: Pixels) -> list[float]:
    """Median time of one picture in one thread, of each file: in turns, so that a busy machine is busy for all."""
    sessions = [session_of(path) for path in paths]
    one = {shipment.input_name: shipment.inputs(pixels[:1])}
    times: list[list[float]] = [[] for _ in paths]
    for repeat in range(_WARM_UP + _REPEATS):
        for place, session in enumerate(sessions):
            start = time.perf_counter()
            session.run([LOGITS], one)
            if repeat >= _WARM_UP:
                times[place].append(1000 * (time.perf_counter() - start))
    return [statistics.median(some) for some in times]


def calibration_images(pixels: Pixels, count: int = CALIBRATION) -> Pixels:
    """Some of the training images, evenly spread over them: a data set may be ordered by class."""
    rows = np.unique(np.linspace(0, len(pixels) - 1, min(count, len(pixels))).round().astype(np.int64))
    return pixels[rows]
