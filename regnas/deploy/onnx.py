"""A torch module as an ONNX model in memory.

torch's own exporter takes seconds to minutes for a network, far longer than to measure it, and makes a graph of the
same speed. So layers that networks are made of are written one by one here, as `torch.fx` traces them; a module with
anything else goes through torch's exporter. Operators: https://onnx.ai/onnx/operators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regnas.deployment import IMAGES
from regnas.errors import RegnasError, UsageError
from regnas.system.optional import require

if TYPE_CHECKING:
    from torch import nn

OPSET = 20  # of torch's exporter, too
OPSETS = (18, 23)


def check_installed() -> None:
    """Whether the packages of the extra ``onnx`` are there.

    Raises:
        HostError: one is not, and how to install it.
    """
    require("onnx", "onnx", low="1.17", below="2")
    require("onnxruntime", "onnx", low="1.20", below="2")


def onnx_bytes(
    module: nn.Module, shape: tuple[int, int, int], *, opset: int = OPSET, dynamic_batch: bool = True
) -> bytes:
    """The model of a module in evaluation mode, float32, from ``images`` ``(n, c, h, w)`` to ``logits``.

    The module is left in the mode that it was in. Weights have the names that they have in the module.

    Args:
        shape: of one image: channels, height and width.
        opset: of the operators, from 18 to 23.
        dynamic_batch: whether the number of images is free; else it is 1.

    Raises:
        HostError: the packages of the extra ``onnx`` are not installed.
        UsageError: an opset that is not written, or a shape that is none.
        RegnasError: neither way can write the module.
    """
    check_installed()
    if isinstance(opset, bool) or not isinstance(opset, int) or not OPSETS[0] <= opset <= OPSETS[1]:
        raise UsageError(f"the opset is a whole number from {OPSETS[0]} to {OPSETS[1]}, got {opset!r}")
    if len(shape) != 3 or not all(isinstance(side, int) and side >= 1 for side in shape):
        raise UsageError(f"the shape of an image is (channels, height, width), got {shape!r}")
    from regnas.deploy.graph import NotWritten, written

    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        try:
            return written(module, shape, opset, dynamic_batch)
        except NotWritten as reason:
            return _by_torch(module, shape, opset, dynamic_batch, reason)
    finally:
        for part, training in modes:
            part.training = training


def _by_torch(
    module: nn.Module, shape: tuple[int, int, int], opset: int, dynamic_batch: bool, reason: Exception
) -> bytes:
    """By torch's own exporter."""
    import torch

    from regnas.deploy.exporter import model_of

    require("onnxscript", "onnx", low="0.5", below="1")
    first = next(module.parameters(), torch.empty(0))
    example = torch.zeros(2 if dynamic_batch else 1, *shape, device=first.device)
    try:
        model = model_of(module, example, input_name=IMAGES, opset=opset, dynamic_batch=dynamic_batch)
    except RegnasError as error:
        raise RegnasError(f"{type(module).__name__} cannot be written as ONNX: {reason}, and {error}") from error
    return bytes(model.SerializeToString())


__all__ = ["OPSET", "OPSETS", "check_installed", "onnx_bytes"]
