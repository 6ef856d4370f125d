"""The format ``onnx``: the network as a graph of operators, for ONNX Runtime and what else reads it.

The graph comes from torch's exporter by ``torch.export``, which is the one whose int8 has no float convolutions; batch
normalisations are folded into convolutions, all tensors lie in the one file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.architecture import Architecture
from regnas.deployment import LOGITS, Shipment
from regnas.errors import UsageError
from regnas.studies.export.files.lines import onnx_lines
from regnas.system.optional import require

OPSETS = (18, 23)  # lower ones are made 18 by torch without a word, higher ones no released runtime was tried with
_USUAL_OPSET = 20
_AT_ONCE = 64  # pictures


class Onnx:
    """``net.onnx``, checked by ONNX Runtime."""

    kinds = ()
    suffix = ".onnx"

    def write(self, architecture: Architecture, params: Mapping[str, Any]) -> str:
        """There is no text.

        Raises:
            UsageError: always.
        """
        raise UsageError("onnx is a file with weights and no text; name a trained network: regnas export RUN")

    def check(self, shipment: Shipment) -> None:
        """Refuse what it cannot do, before any work.

        Raises:
            HostError: a package of the extra ``onnx`` is not installed.
            UsageError: an opset outside of `OPSETS`.
        """
        require("torch", "onnx", low="2.9", below="3")
        require("onnx", "onnx", low="1.17", below="2")
        require("onnxscript", "onnx", low="0.5", below="1")
        require("onnxruntime", "onnx", low="1.20", below="2")
        if shipment.opset is not None and not OPSETS[0] <= shipment.opset <= OPSETS[1]:
            raise UsageError(f"--opset is from {OPSETS[0]} to {OPSETS[1]}, got {shipment.opset}")

    def save(self, shipment: Shipment, path: Path) -> None:
        """Export for any batch, with what the file must say of itself as metadata."""
        import onnx

        from regnas.deploy.exporter import model_of
        from regnas.studies.export.files.graph import example_of, module_of

        opset = shipment.opset or _USUAL_OPSET
        model = model_of(module_of(shipment), example_of(shipment), input_name=shipment.input_name, opset=opset)
        del model.metadata_props[:]
        for name, value in shipment.about().items():
            entry = model.metadata_props.add()
            entry.key, entry.value = name, value if isinstance(value, str) else json.dumps(value)
        model.producer_name = "regnas"
        onnx.checker.check_model(model)
        onnx.save(model, str(path))

    def outputs(self, path: Path, shipment: Shipment, inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """What ONNX Runtime computes in one thread, ``(n, classes)``."""
        session = session_of(path)
        name = shipment.input_name
        parts = [inputs[start : start + _AT_ONCE] for start in range(0, len(inputs), _AT_ONCE)]
        return np.concatenate([np.asarray(session.run([LOGITS], {name: part})[0], np.float32) for part in parts])

    def lines(self, path: Path, shipment: Shipment) -> str:
        """With onnxruntime, numpy and pillow."""
        return onnx_lines(path, shipment)


def session_of(path: Path, optimised: Path | None = None) -> Any:
    """A file in ONNX Runtime, in one thread on the CPU.

    Args:
        optimised: where the graph that it really runs is written.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if optimised is not None:
        # Further optimisations are for this machine's processor alone, and give operators other names.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
