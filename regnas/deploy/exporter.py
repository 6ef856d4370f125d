"""torch's own exporter to ONNX, by ``torch.export``, without what it and its parts say to one another."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from regnas.deployment import LOGITS
from regnas.errors import RegnasError

if TYPE_CHECKING:
    import torch

_LOGS = "torch.onnx"  # tells of packages that it found no use for


def model_of(
    module: torch.nn.Module, example: torch.Tensor, *, input_name: str, opset: int, dynamic_batch: bool = True
) -> Any:
    """The model of a module in evaluation mode, an ``onnx.ModelProto`` with all tensors inside.

    Args:
        example: an input, ``(2, ...)``; ``(1, ...)`` where the batch is fixed: an example of one picture fixes it.
        dynamic_batch: whether the number of pictures is free.

    Raises:
        RegnasError: torch cannot export the module.
    """
    import torch

    free = ({0: torch.export.Dim("batch")},) if dynamic_batch else None
    with _quiet():
        try:
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                dynamic_shapes=free,
                input_names=[input_name],
                output_names=[LOGITS],
                opset_version=opset,
                verbose=False,
            )
        except Exception as error:
            said = str(error).splitlines()
            raise RegnasError(
                f"torch cannot write {type(module).__name__} as ONNX: {type(error).__name__}: {said[0] if said else ''}"
            ) from error
    if program is None:
        raise RegnasError(f"torch cannot write {type(module).__name__} as ONNX")
    return program.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    log = logging.getLogger(_LOGS)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
