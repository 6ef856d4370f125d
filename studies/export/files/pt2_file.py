"""The format ``pt2``: what ``torch.export`` makes, for torch without regnas.

Height and width are free, where the network lets them. ``torch.export`` narrows them to those up to 32 px without a
word, where its example has 32 px or less, as our usual pictures have (torch 2.14): so the example is larger, and the
ranges that come out are looked at. A size that is fixed is refused or right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.architecture import Architecture
from regnas.deployment import Shipment
from regnas.errors import RegnasError, UsageError
from regnas.studies.export.files.lines import EXTRA, pt2_lines
from regnas.system.optional import require

_AT_ONCE = 64  # pictures
_SIDE = 64  # pixels of the example from which sizes are not narrowed: more than 32
_FREE = 2**31  # an upper end that is none


class Pt2:
    """``net.pt2``, checked by loading it."""

    kinds = ()
    suffix = ".pt2"

    def write(self, architecture: Architecture, params: Mapping[str, Any]) -> str:
        """There is no text.

        Raises:
            UsageError: always.
        """
        raise UsageError("pt2 is a file with weights and no text; name a trained network: regnas export RUN")

    def check(self, shipment: Shipment) -> None:
        """Refuse what it cannot do, before any work.

        Raises:
            HostError: a torch that is too old.
            UsageError: an opset, which it does not have.
        """
        require("torch", "onnx", low="2.9", below="3")
        if shipment.opset is not None:
            raise UsageError("--opset is of onnx, and pt2 has none; leave it out")

    def save(self, shipment: Shipment, path: Path) -> None:
        """Export for any batch, with what the file must say of itself as an extra file.

        Raises:
            RegnasError: the program would not take every batch: torch narrowed it.
        """
        import torch

        with torch.no_grad():
            any_size = _of_any_size(shipment)
            program = any_size or _of_one_size(shipment)
        about = {**shipment.about(), "sizes": "one" if any_size is None else "any"}
        with path.open("wb") as file:  # by name it would insist on its own suffix
            torch.export.save(program, file, extra_files={EXTRA: json.dumps(about)})

    def outputs(self, path: Path, shipment: Shipment, inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """What torch computes of the loaded file, ``(n, classes)``."""
        import torch

        with path.open("rb") as file:
            network = torch.export.load(file).module()
        with torch.inference_mode():
            parts = [torch.from_numpy(inputs[start : start + _AT_ONCE]) for start in range(0, len(inputs), _AT_ONCE)]
            return np.concatenate([network(part).numpy() for part in parts])

    def lines(self, path: Path, shipment: Shipment) -> str:
        """With torch, numpy and pillow."""
        return pt2_lines(path, shipment)


def _of_any_size(shipment: Shipment) -> Any:
    """The program for pictures of any size; None where torch narrows or ties them."""
    import torch

    from regnas.studies.export.files.graph import example_of, module_of, sides_of

    side = max(_SIDE, shipment.preprocessing.resolution)
    free = {0: torch.export.Dim("batch"), **dict.fromkeys(sides_of(shipment), torch.export.Dim.AUTO)}
    try:
        program = torch.export.export(module_of(shipment), (example_of(shipment, side),), dynamic_shapes=(free,))
    except Exception:  # torch raises many kinds
        return None
    (name,) = program.graph_signature.user_inputs
    shape = next(node for node in program.graph.nodes if node.name == name).meta["val"].shape
    ranges = {str(symbol): bounds for symbol, bounds in program.range_constraints.items()}
    symbols = {axis: str(shape[axis]) for axis in free}
    if len(set(symbols.values())) < len(free) or not set(symbols.values()) <= set(ranges):
        return None
    for axis, symbol in symbols.items():
        least = 1 if axis == 0 else shipment.preprocessing.resolution
        if ranges[symbol].lower > least or ranges[symbol].upper < _FREE:
            return None
    return program


def _of_one_size(shipment: Shipment) -> Any:
    """The program for pictures of the size of the training.

    Raises:
        RegnasError: it would not take every batch: torch narrowed it.
    """
    import torch

    from regnas.studies.export.files.graph import example_of, module_of

    program = torch.export.export(
        module_of(shipment), (example_of(shipment),), dynamic_shapes=({0: torch.export.Dim("batch")},)
    )
    ranges = list(program.range_constraints.values())
    if len(ranges) != 1 or ranges[0].lower > 1 or ranges[0].upper < _FREE:
        raise RegnasError(f"torch.export narrowed the batch to {ranges}; use another release of torch")
    return program
