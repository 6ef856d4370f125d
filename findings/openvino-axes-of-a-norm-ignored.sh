#!/usr/bin/env bash
# OpenVINO 2026.4.1: an ONNX file of opset 13 to 17 that reduces along an axis.
#
# Guess: all reductions go along their axes, as in ONNX Runtime, or reading fails.
# Seen: ReduceL1, ReduceLogSum and ReduceLogSumExp go over everything, the batch included: their axes are looked for in
# an input, where they are from opset 18 on (reported as openvino issue 38238). Broadcasting hides that: scores
# divided by their L1 norm have the right shape and other numbers, which depend on the other pictures of the batch.
# One picture alone is right. So are the seven other reductions, and opsets 12 and 18. Nothing warns.
# For a user of NAS: torch 2.14.1 writes torch.logsumexp and F.normalize(p=1) so with dynamo=False and opset 17. A check
# of one picture passes, an accuracy over batches is wrong. Export for opset 18.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps openvino==2026.4.1 \
    openvino-telemetry==2025.2.0 numpy==2.4.6 onnx==1.23.2 protobuf==7.36.2 ml_dtypes==0.6.0 typing_extensions==4.16.0 \
    onnxruntime==1.32.0 flatbuffers==25.12.19 packaging==26.4
cd "$work"
cat > norm.py <<'P'
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(4)
core = openvino.Core()
pictures = np.float32([[1, 3], [4, 4]])  # two pictures, a score for each of two classes


def divided_by_its(reduction, opset):
    """A network: the scores of each picture divided by a reduction over its classes."""
    inputs, attributes = ["scores"], {"axes": [1]}
    if opset >= 18 or (opset >= 13 and reduction == "ReduceSum"):
        inputs, attributes = ["scores", "axes"], {}
    nodes = [
        helper.make_node(reduction, inputs, ["total"], keepdims=1, **attributes),
        helper.make_node("Div", ["scores", "total"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "norm",
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["pictures", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["pictures", 2])],
        [numpy_helper.from_array(np.int64([1]), "axes")] if len(inputs) == 2 else [],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def outputs(network, x):
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    compiled = core.compile_model(core.read_model(network), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return session.run(None, {"scores": x})[0], compiled({"scores": x})[0]


def listed(rows):
    return " and ".join(" ".join(f"{one:.2f}" for one in row) for row in rows)


OTHERS = ["ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"]
for opset in (12, 13, 17, 18):
    for reduction in ("ReduceL1", "ReduceLogSum", "ReduceLogSumExp"):
        runtime, vino = outputs(divided_by_its(reduction, opset), pictures)
        seen = "the same" if np.allclose(runtime, vino) else f"{listed(vino)}, in ONNX Runtime {listed(runtime)}"
        print(f"opset {opset}, {reduction}: {seen}")
    same = [np.allclose(*outputs(divided_by_its(one, opset), pictures)) for one in OTHERS]
    print(f"opset {opset}, seven others the same:", all(same))
alone, vino_alone = outputs(divided_by_its("ReduceL1", 17), pictures[:1])
print("opset 17, ReduceL1, the first picture alone the same:", np.allclose(alone, vino_alone))
P
"$work/venv/bin/python" norm.py > seen
cat seen
diff - seen <<'O'
opset 12, ReduceL1: the same
opset 12, ReduceLogSum: the same
opset 12, ReduceLogSumExp: the same
opset 12, seven others the same: True
opset 13, ReduceL1: 0.08 0.25 and 0.33 0.33, in ONNX Runtime 0.25 0.75 and 0.50 0.50
opset 13, ReduceLogSum: 0.40 1.21 and 1.61 1.61, in ONNX Runtime 0.72 2.16 and 1.92 1.92
opset 13, ReduceLogSumExp: 0.20 0.61 and 0.82 0.82, in ONNX Runtime 0.32 0.96 and 0.85 0.85
opset 13, seven others the same: True
opset 17, ReduceL1: 0.08 0.25 and 0.33 0.33, in ONNX Runtime 0.25 0.75 and 0.50 0.50
opset 17, ReduceLogSum: 0.40 1.21 and 1.61 1.61, in ONNX Runtime 0.72 2.16 and 1.92 1.92
opset 17, ReduceLogSumExp: 0.20 0.61 and 0.82 0.82, in ONNX Runtime 0.32 0.96 and 0.85 0.85
opset 17, seven others the same: True
opset 18, ReduceL1: the same
opset 18, ReduceLogSum: the same
opset 18, ReduceLogSumExp: the same
opset 18, seven others the same: True
opset 17, ReduceL1, the first picture alone the same: True
O
