#!/usr/bin/env bash
# ONNX Runtime 1.32.0, quantize_static in the QOperator format: a map that is rectified on one path and used as it is on
# another, as in the cells of DARTS (ReLU-convolution beside skip or pooling) and in pre-activation ResNets.
#
# Guess: int8 within a few per cent of float32 in both formats; a ReLU that rounding cannot take over is kept.
# Seen: so in the QDQ format. In the QOperator format the Relu (Clip too) is taken out even where its input has other
# users, and nothing does its work: the range of the map, which keeps its negative half for the others, would have to.
# The convolution behind the Relu reads the map as it is; nothing warns. With no other user the same step is right, and
# with symmetric ranges the Relu is kept.
# For a user of NAS: in this format only cells with a skip beside a convolution lose accuracy; the loss is none of int8.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps onnxruntime==1.32.0 \
    numpy==2.4.6 onnx==1.23.2 protobuf==7.36.2 ml_dtypes==0.6.0 typing_extensions==4.16.0 flatbuffers==25.12.19 \
    packaging==26.4
cd "$work"
cat > relu.py <<'P'
import logging

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

logging.disable(logging.WARNING)
rng = np.random.default_rng(0)
values = {name: rng.normal(size=(8, 8, 1, 1)).astype(np.float32) for name in ("first", "second")}
values |= {"low": np.float32(0), "high": np.float32(6)}
pictures = [rng.normal(size=(2, 8, 6, 6)).astype(np.float32) for _ in range(4)]


class Reader(CalibrationDataReader):
    def __init__(self):
        self.left = list(pictures)

    def get_next(self):
        return {"x": self.left.pop()} if self.left else None


def write(name, gate, other):
    bounds = ["low", "high"] if gate == "Clip" else []
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["map"]),
        helper.make_node(gate, ["map", *bounds], ["positive"]),
        helper.make_node("Conv", ["positive", "second"], ["y" if other == "nobody" else "deep"]),
    ]
    if other == "pooling":
        nodes.append(helper.make_node("AveragePool", ["map"], ["pooled"], kernel_shape=[3, 3], pads=[1] * 4))
    if other != "nobody":
        nodes.append(helper.make_node("Add", ["deep", "pooled" if other == "pooling" else "map"], ["y"]))
    shape = [2, 8, 6, 6]
    ends = [[helper.make_tensor_value_info(end, TensorProto.FLOAT, shape)] for end in "xy"]
    constants = [numpy_helper.from_array(values[key], key) for key in ("first", "second", *bounds)]
    graph = helper.make_graph(nodes, "cell", *ends, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, name)


def run(name):
    session = onnxruntime.InferenceSession(name, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": pictures[0]})[0]


def far(seen, right):
    return "near" if np.abs(seen - right).max() < 0.05 * np.abs(right).max() else "FAR"


for gate in ("Relu", "Clip"):
    for other in ("nobody", "skip", "pooling"):
        write("float.onnx", gate, other)
        for form, options in (("QDQ", {}), ("QOperator", {}), ("QOperator", {"ActivationSymmetric": True})):
            quantize_static("float.onnx", "int8.onnx", Reader(), getattr(QuantFormat, form), extra_options=options)
            nodes = onnx.load("int8.onnx").graph.node
            kept = "kept" if gate in {node.op_type for node in nodes} else "gone"
            reads = [node.input[0] for node in nodes if "Conv" in node.op_type][1].split("_")[0]
            verdict = far(run("int8.onnx"), run("float.onnx"))
            name = f"{form}{' symmetric' if options else ''}"
            print(f"{gate}, other user {other}, {name}: {kept}, second convolution reads {reads}, {verdict} float32")
P
"$work/venv/bin/python" relu.py > seen
cat seen
diff - seen <<'O'
Relu, other user nobody, QDQ: gone, second convolution reads positive, near float32
Relu, other user nobody, QOperator: gone, second convolution reads map, near float32
Relu, other user nobody, QOperator symmetric: kept, second convolution reads positive, near float32
Relu, other user skip, QDQ: kept, second convolution reads positive, near float32
Relu, other user skip, QOperator: gone, second convolution reads map, FAR float32
Relu, other user skip, QOperator symmetric: kept, second convolution reads positive, near float32
Relu, other user pooling, QDQ: kept, second convolution reads positive, near float32
Relu, other user pooling, QOperator: gone, second convolution reads map, FAR float32
Relu, other user pooling, QOperator symmetric: kept, second convolution reads positive, near float32
Clip, other user nobody, QDQ: gone, second convolution reads positive, near float32
Clip, other user nobody, QOperator: gone, second convolution reads map, near float32
Clip, other user nobody, QOperator symmetric: kept, second convolution reads positive, near float32
Clip, other user skip, QDQ: kept, second convolution reads positive, near float32
Clip, other user skip, QOperator: gone, second convolution reads map, FAR float32
Clip, other user skip, QOperator symmetric: kept, second convolution reads positive, near float32
Clip, other user pooling, QDQ: kept, second convolution reads positive, near float32
Clip, other user pooling, QOperator: gone, second convolution reads map, FAR float32
Clip, other user pooling, QOperator symmetric: kept, second convolution reads positive, near float32
O
