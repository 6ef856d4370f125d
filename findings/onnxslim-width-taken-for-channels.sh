#!/usr/bin/env bash
# OnnxSlim 0.1.98: a convolution, and behind it a constant factor for each column or row of the map (a window, a weight
# for each frequency of a spectrogram).
#
# Guess: the slimmed network computes the same numbers for every size of picture, or keeps the product as it is.
# Seen: so unless the map is as wide (or, for a factor a row, as high) as the convolution has output channels. Then
# the factors are folded into the filters, one a channel: the right count decides, not the axis on which the constant
# lies. The model is valid, its shapes are the same, every number is other, and nothing warns. A constant to be added
# is left alone in the same place.
# For a user of NAS: in a search over widths and resolutions only some of the networks are hit (64 channels, 64 mel
# bands), so each slimmed file has to be compared with its own original, not one for all.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps onnxslim==0.1.98 numpy==2.4.6 \
    onnx==1.23.2 protobuf==7.36.2 ml_dtypes==0.6.0 typing_extensions==4.16.0 sympy==1.14.0 mpmath==1.4.1 \
    colorama==0.4.6 packaging==26.4
cd "$work"
cat > slim.py <<'P'
import numpy as np
import onnx
import onnxslim
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(0)


def compare(name, operator, shape, channels, size):
    nodes = [
        helper.make_node("Conv", ["x", "weight"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node(operator, ["c", "factor"], ["y"]),
    ]
    values = {
        "weight": rng.normal(size=(channels, 3, 3, 3)).astype(np.float32),
        "factor": np.linspace(0.1, 1, max(shape), dtype=np.float32).reshape(shape),
    }
    graph = helper.make_graph(
        nodes,
        "columns",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, *size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, *size])],
        [numpy_helper.from_array(value, key) for key, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    x = rng.normal(size=(1, 3, *size)).astype(np.float32)
    right = ReferenceEvaluator(model).run(None, {"x": x})[0]
    slimmed = onnxslim.slim(model)
    onnx.checker.check_model(slimmed, full_check=True)
    seen = ReferenceEvaluator(slimmed).run(None, {"x": x})[0]
    assert seen.shape == right.shape
    verdict = "same numbers" if np.allclose(seen, right, atol=1e-4) else "OTHER NUMBERS"
    print(f"{name}: {verdict}, {' '.join(node.op_type for node in slimmed.graph.node)}")


compare("one a channel, 8 channels, 8 x 8", "Mul", (1, 8, 1, 1), 8, (8, 8))
compare("one a column, 8 channels, 8 x 6", "Mul", (1, 1, 1, 6), 8, (8, 6))
compare("one a column, 8 channels, 6 x 8", "Mul", (1, 1, 1, 8), 8, (6, 8))
compare("one a row, 8 channels, 8 x 6", "Mul", (1, 1, 8, 1), 8, (8, 6))
compare("one a row, 9 channels, 8 x 6", "Mul", (1, 1, 8, 1), 9, (8, 6))
compare("one a column, added, 8 channels, 6 x 8", "Add", (1, 1, 1, 8), 8, (6, 8))
P
"$work/venv/bin/python" slim.py > seen
cat seen
diff - seen <<'O'
one a channel, 8 channels, 8 x 8: same numbers, Conv
one a column, 8 channels, 8 x 6: same numbers, Conv Mul
one a column, 8 channels, 6 x 8: OTHER NUMBERS, Conv
one a row, 8 channels, 8 x 6: OTHER NUMBERS, Conv
one a row, 9 channels, 8 x 6: same numbers, Conv Mul
one a column, added, 8 channels, 6 x 8: same numbers, Conv Add
O
