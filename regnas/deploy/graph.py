"""An ONNX graph written layer by layer from what `torch.fx` traces of a module."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, fx, nn
from torch.nn import functional

from regnas.deployment import IMAGES, LOGITS


class NotWritten(Exception):
    """The module has a part that is not written here; the message names it."""


def written(module: nn.Module, shape: tuple[int, int, int], opset: int, dynamic_batch: bool) -> bytes:
    """The model of a module that is in evaluation mode; arguments as of `regnas.deploy.onnx.onnx_bytes`.

    Raises:
        NotWritten: it cannot be traced, or a part of it is none of those below.
    """
    try:
        traced = fx.symbolic_trace(module)
    except Exception as error:  # of whatever the module does with a tracer in place of a tensor
        raise NotWritten(f"torch.fx cannot trace it ({type(error).__name__})") from error
    graph = _Graph(traced, opset)
    for node in traced.graph.nodes:
        graph.add(node)
    batch: str | int = "batch" if dynamic_batch else 1
    images = helper.make_tensor_value_info(IMAGES, TensorProto.FLOAT, [batch, *shape])
    logits = helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, [batch, None])
    made = helper.make_graph(graph.nodes, type(module).__name__, [images], [logits], graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], producer_name="regnas")
    model.ir_version = helper.find_min_ir_version_for(list(model.opset_import))
    return bytes(model.SerializeToString())


class _Graph:
    """Nodes and weights so far, and under which names values are known."""

    def __init__(self, traced: fx.GraphModule, opset: int) -> None:
        self.traced, self.opset = traced, opset
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._names: dict[fx.Node, str] = {}
        self._known: set[str] = set()

    def add(self, node: fx.Node) -> None:
        """Write one traced node."""
        if node.op == "placeholder":
            self._names[node] = IMAGES
        elif node.op == "output":
            self.op("Identity", [self.name(node.args[0])], out=LOGITS)
        elif node.op == "get_attr":
            self._names[node] = self.weight(str(node.target), _attribute(self.traced, str(node.target)))
        elif node.op == "call_module":
            layer = self.traced.get_submodule(str(node.target))
            write = _found(_LAYERS, type(layer), node)
            self._names[node] = write(self, layer, self.name(node.args[0]), str(node.target))
        else:
            table: Mapping[Any, _Function] = _METHODS if node.op == "call_method" else _FUNCTIONS
            write = _found(table, node.target, node)
            self._names[node] = write(self, *node.args, **node.kwargs)

    def name(self, value: Any) -> str:
        """The name of a traced value, or of a number, which becomes a constant."""
        if isinstance(value, fx.Node):
            return self._names[value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.constant(np.float32(value))
        raise NotWritten(f"the value {value!r}")

    def op(self, kind: str, inputs: Sequence[str], *, out: str = "", **attributes: Any) -> str:
        """A node of an operator; returns the name of what it puts out."""
        name = out or f"{kind}_{len(self.nodes)}"
        given = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **given))
        return name

    def weight(self, name: str, value: Tensor) -> str:
        """A tensor of the module, written once."""
        if name not in self._known:
            self._known.add(name)
            array = np.ascontiguousarray(value.detach().cpu().float().numpy())
            self.weights.append(numpy_helper.from_array(array, name))
        return name

    def constant(self, value: Any) -> str:
        """An array that is no weight."""
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name


_Function = Callable[..., str]


def _found(table: Mapping[Any, _Function], key: Any, node: fx.Node) -> _Function:
    if key not in table:
        raise NotWritten(f"{getattr(key, '__name__', key)} ({node.op.removeprefix('call_')})")
    return table[key]


def _attribute(module: Any, path: str) -> Tensor:
    for part in path.split("."):
        module = getattr(module, part)
    if not isinstance(module, Tensor):
        raise NotWritten(f"the attribute {path}")
    return module


def _pair(value: Any) -> list[int]:
    return list(value) if isinstance(value, tuple | list) else [value, value]


def _pads(value: Any) -> list[int]:
    if isinstance(value, str):
        raise NotWritten(f"the padding {value!r}")
    return [*_pair(value), *_pair(value)]


# --- layers: graph, module, name of the input, path of the module ----------------------------------------------


def _conv(graph: _Graph, layer: Any, x: str, path: str) -> str:
    if layer.padding_mode != "zeros":
        raise NotWritten(f"padding with {layer.padding_mode}")
    inputs = [x, graph.weight(f"{path}.weight", layer.weight)]
    if layer.bias is not None:
        inputs.append(graph.weight(f"{path}.bias", layer.bias))
    sizes: dict[str, Any] = {
        "kernel_shape": _pair(layer.kernel_size),
        "strides": _pair(layer.stride),
        "pads": _pads(layer.padding),
    }
    return graph.op("Conv", inputs, **sizes, dilations=_pair(layer.dilation), group=layer.groups)


def _norm(graph: _Graph, layer: Any, x: str, path: str) -> str:
    if layer.running_mean is None or layer.weight is None:
        raise NotWritten("a normalisation without running averages or weights")
    names = ("weight", "bias", "running_mean", "running_var")
    inputs = [graph.weight(f"{path}.{name}", getattr(layer, name)) for name in names]
    return graph.op("BatchNormalization", [x, *inputs], epsilon=layer.eps)


def _linear(graph: _Graph, layer: Any, x: str, path: str) -> str:
    inputs = [x, graph.weight(f"{path}.weight", layer.weight)]
    if layer.bias is not None:
        inputs.append(graph.weight(f"{path}.bias", layer.bias))
    return graph.op("Gemm", inputs, transB=1)


def _max_pool(graph: _Graph, layer: Any, x: str, path: str) -> str:
    strides = _pair(layer.stride or layer.kernel_size)
    sizes: dict[str, Any] = {"kernel_shape": _pair(layer.kernel_size), "strides": strides, "pads": _pads(layer.padding)}
    return graph.op("MaxPool", [x], **sizes, dilations=_pair(layer.dilation), ceil_mode=int(layer.ceil_mode))


def _average_pool(graph: _Graph, layer: Any, x: str, path: str) -> str:
    padded = any(_pads(layer.padding))
    if layer.divisor_override or (layer.ceil_mode and padded):
        raise NotWritten("an average pooling with a divisor, or padded and rounded up")
    strides = _pair(layer.stride or layer.kernel_size)
    sizes: dict[str, Any] = {"kernel_shape": _pair(layer.kernel_size), "strides": strides, "pads": _pads(layer.padding)}
    # Without padding torch counts no place beyond the picture, whatever it is asked.
    counted = int(layer.count_include_pad and padded)
    return graph.op("AveragePool", [x], **sizes, ceil_mode=int(layer.ceil_mode), count_include_pad=counted)


def _adaptive(graph: _Graph, layer: Any, x: str, path: str) -> str:
    if set(_pair(layer.output_size)) != {1}:
        raise NotWritten(f"an adaptive pooling to {layer.output_size}")
    return graph.op("GlobalAveragePool", [x])


def _flatten(graph: _Graph, layer: Any, x: str, path: str) -> str:
    return _flat(graph, x, layer.start_dim, layer.end_dim)


def _gelu(graph: _Graph, layer: Any, x: str, path: str) -> str:
    if graph.opset < 20:
        raise NotWritten("GELU before opset 20")
    return graph.op("Gelu", [x], approximate=layer.approximate)


def _silu(graph: _Graph, layer: Any, x: str, path: str) -> str:
    return graph.op("Mul", [x, graph.op("Sigmoid", [x])])


def _same(graph: _Graph, layer: Any, x: str, path: str) -> str:
    return x


def _plain(kind: str) -> _Function:
    return lambda graph, layer, x, path: graph.op(kind, [x])


_LAYERS: Mapping[type, _Function] = {
    nn.Conv2d: _conv,
    nn.BatchNorm2d: _norm,
    nn.Linear: _linear,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _average_pool,
    nn.AdaptiveAvgPool2d: _adaptive,
    nn.Flatten: _flatten,
    nn.ReLU: _plain("Relu"),
    nn.Sigmoid: _plain("Sigmoid"),
    nn.SiLU: _silu,
    nn.GELU: _gelu,
    nn.Identity: _same,
    nn.Dropout: _same,
}

# --- functions and methods: graph, then the arguments as torch has them ----------------------------------------


def _binary(kind: str) -> _Function:
    return lambda graph, one, other: graph.op(kind, [graph.name(one), graph.name(other)])


def _unary(kind: str) -> _Function:
    return lambda graph, x, inplace=False: graph.op(kind, [graph.name(x)])


def _flat(graph: _Graph, x: Any, start_dim: int = 0, end_dim: int = -1) -> str:
    if (start_dim, end_dim) != (1, -1):
        raise NotWritten(f"a flattening from {start_dim} to {end_dim}")
    return graph.op("Flatten", [x if isinstance(x, str) else graph.name(x)], axis=1)


def _cat(graph: _Graph, tensors: Any, dim: int = 0) -> str:
    return graph.op("Concat", [graph.name(one) for one in tensors], axis=dim)


def _mean(graph: _Graph, x: Any, dim: Any = None, keepdim: bool = False) -> str:
    if dim is None or tuple(dim) not in ((2, 3), (-2, -1)):
        raise NotWritten(f"a mean over {dim}")
    if keepdim:
        return graph.op("GlobalAveragePool", [graph.name(x)])
    return graph.op("Flatten", [graph.op("GlobalAveragePool", [graph.name(x)])], axis=1)


def _slice(graph: _Graph, x: Any, place: Any) -> str:
    """``x[:, :, 1:, ::2]``: slices alone, with whole numbers."""
    parts = place if isinstance(place, tuple) else (place,)
    kept = [(axis, part) for axis, part in enumerate(parts) if part != slice(None)]
    if not all(isinstance(part, slice) and isinstance(part.start or 0, int) for _, part in kept):
        raise NotWritten(f"the place {place!r}")
    if not kept:
        return graph.name(x)
    end = np.iinfo(np.int64).max
    columns = (
        [part.start or 0 for _, part in kept],
        [end if part.stop is None else part.stop for _, part in kept],
        [axis for axis, _ in kept],
        [part.step or 1 for _, part in kept],
    )
    return graph.op("Slice", [graph.name(x), *(graph.constant(np.array(one, dtype=np.int64)) for one in columns)])


def _pad(graph: _Graph, x: Any, pad: Any, mode: str = "constant", value: float | None = None) -> str:
    if mode != "constant" or value or len(pad) != 4:
        raise NotWritten(f"a padding of kind {mode} by {pad}")
    left, right, top, bottom = pad
    sides = np.array([0, 0, top, left, 0, 0, bottom, right], dtype=np.int64)
    return graph.op("Pad", [graph.name(x), graph.constant(sides)])


_FUNCTIONS: Mapping[Any, _Function] = {
    operator.add: _binary("Add"),
    operator.mul: _binary("Mul"),
    torch.add: _binary("Add"),
    torch.mul: _binary("Mul"),
    torch.relu: _unary("Relu"),
    torch.sigmoid: _unary("Sigmoid"),
    functional.relu: _unary("Relu"),
    torch.cat: _cat,
    torch.flatten: _flat,
    operator.getitem: _slice,
    functional.pad: _pad,
}
_METHODS: Mapping[Any, _Function] = {"mean": _mean, "flatten": _flat, "relu": _unary("Relu"), "add": _binary("Add")}
