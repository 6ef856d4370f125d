"""The format ``pt2``: what ``torch.export`` makes, for torch without regnas.

Height and width are fixed. Free sizes are narrowed by ``torch.export`` to those up to 32 px without a word, where its
example has 32 px or less, as our usual pictures have (torch 2.14); a fixed size is refused or right.
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

        from regnas.studies.export.files.graph import example_of, module_of

        with torch.no_grad():
            program = torch.export.export(
                module_of(shipment), (example_of(shipment),), dynamic_shapes=({0: torch.export.Dim("batch")},)
            )
        ranges = list(program.range_constraints.values())
        if len(ranges) != 1 or ranges[0].lower > 1 or ranges[0].upper < 2**31:
            raise RegnasError(f"torch.export narrowed the batch to {ranges}; use another release of torch")
        with path.open("wb") as file:  # by name it would insist on its own suffix
            torch.export.save(program, file, extra_files={EXTRA: json.dumps(shipment.about())})

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
