#!/usr/bin/env bash
# OpenCV 5.0.0, dnn.readNetFromONNX: the squeeze-and-excitation gate of MobileNetV3, x * hard_sigmoid(conv(pool(x))).
#
# Guess: the numbers of the formula, as a product of two tensors is common.
# Seen: so with Sigmoid, and with HardSigmoid(alpha=1/6), which leaves beta at its default of 0.5. With beta=0.5 written
# down (the same operator, and how torch.onnx.export of torch 2.14.1 writes nn.Hardsigmoid) the product is replaced by a
# hard swish of the gate: x is dropped, the map shrinks to one pixel, and a pooling and a classifier behind it hide even
# that. No error, no warning, another class.
# It is taken for hard swish whatever the other factor is, in either order; a map of full size as the gate keeps its shape.
# For a user of NAS: a network from a space with hard-sigmoid gates has to be compared with its ONNX file in ONNX
# Runtime before OpenCV's accuracy or latency is believed (the skipped product makes it faster too).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps opencv-python-headless==5.0.0.93 \
    numpy==2.4.6 onnx==1.23.2 protobuf==7.36.2 ml_dtypes==0.6.0 typing_extensions==4.16.0
cd "$work"
cat > gate.py <<'P'
import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

weight = np.float32([[0, -3, 1], [2, 0, -1], [1, 1, 0]]).reshape(3, 3, 1, 1)
x = np.float32([[[1, 2], [3, 6]], [[-4, 0], [2, -2]], [[0, 1], [0, 1]]])[None]


def network(gate, squeezed, order, **attributes):
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["pooled"])] if squeezed else []
    nodes += [
        helper.make_node("Conv", ["pooled" if squeezed else "x", "weight"], ["c"]),
        helper.make_node(gate, ["c"], ["h"], **attributes),
        helper.make_node("Mul", order, ["gated"]),
        helper.make_node("GlobalAveragePool", ["gated"], ["scores"]),
    ]
    values = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 2, 2])]
    outputs = [
        helper.make_tensor_value_info("gated", TensorProto.FLOAT, [1, 3, 2, 2]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 3, 1, 1]),
    ]
    graph = helper.make_graph(nodes, "gate", values, outputs, [numpy_helper.from_array(weight, "weight")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def expected(gate, squeezed):
    c = np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], x.mean((2, 3), keepdims=True) if squeezed else x)
    return x * (1 / (1 + np.exp(-c)) if gate == "Sigmoid" else np.clip(c / 6 + 0.5, 0, 1))


cases = {
    "Sigmoid": ("Sigmoid", True, ["x", "h"], {}),
    "HardSigmoid, beta left out": ("HardSigmoid", True, ["x", "h"], {"alpha": 1 / 6}),
    "HardSigmoid, beta=0.5": ("HardSigmoid", True, ["x", "h"], {"alpha": 1 / 6, "beta": 0.5}),
    "the same, factors swapped": ("HardSigmoid", True, ["h", "x"], {"alpha": 1 / 6, "beta": 0.5}),
    "gate of full size": ("HardSigmoid", False, ["x", "h"], {"alpha": 1 / 6, "beta": 0.5}),
}
for name, (gate, squeezed, order, attributes) in cases.items():
    net = cv2.dnn.readNetFromONNX(np.frombuffer(network(gate, squeezed, order, **attributes), np.uint8))
    net.setInput(x, "x")
    gated, scores = net.forward(["gated", "scores"])
    right = expected(gate, squeezed).mean((2, 3)).ravel()
    print(f"{name}: map {gated.shape[2:]}, scores {scores.ravel().round(2)}, by the formula {right.round(2)}")
P
"$work/venv/bin/python" gate.py > seen
cat seen
diff - seen <<'O'
Sigmoid: map (2, 2), scores [ 2.91 -1.    0.44], by the formula [ 2.91 -1.    0.44]
HardSigmoid, beta left out: map (2, 2), scores [ 3.   -1.    0.42], by the formula [ 3.   -1.    0.42]
HardSigmoid, beta=0.5: map (1, 1), scores [3.5  5.5  1.67], by the formula [ 3.   -1.    0.42]
the same, factors swapped: map (1, 1), scores [3.5  5.5  1.67], by the formula [ 3.   -1.    0.42]
gate of full size: map (2, 2), scores [4.92 5.42 2.67], by the formula [ 2.08 -0.83  0.46]
O
