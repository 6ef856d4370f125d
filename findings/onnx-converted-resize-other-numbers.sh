#!/usr/bin/env bash
# onnx 1.23.2, version_converter.convert_version: a network that enlarges its maps (Upsample of opset 9, Resize of opset 10).
#
# Guess: the converted network computes the same numbers, as the change of version is an adapter's work.
# Seen: to opset 10 it does. From opset 11 on Resize has a coordinate_transformation_mode whose default, half_pixel, is not
# what older versions compute (asymmetric). The adapter does not set it: the model is valid, the check passes, the
# output has the same shape and other numbers, with no warning (reported for Resize as onnx issue 8480).
# For a user of NAS: after a conversion to a newer opset outputs have to be compared with the old file's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps onnx==1.23.2 numpy==2.4.6 \
    protobuf==7.36.2 ml_dtypes==0.6.0 typing_extensions==4.16.0 onnxruntime==1.32.0 flatbuffers==25.12.19 packaging==26.4
cd "$work"
cat > enlarge.py <<'P'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, version_converter

onnxruntime.set_default_logger_severity(4)
x = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
for operator, opset in (("Upsample", 9), ("Resize", 10)):
    node = helper.make_node(operator, ["x", "scales"], ["y"], mode="linear")
    graph = helper.make_graph(
        [node],
        "enlarge",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, 8])],
        [numpy_helper.from_array(np.array([1, 1, 1, 2], np.float32), "scales")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    for target in sorted({opset, 10, 11, 13}):
        converted = model if target == opset else version_converter.convert_version(model, target)
        onnx.checker.check_model(converted)
        session = onnxruntime.InferenceSession(converted.SerializeToString(), providers=["CPUExecutionProvider"])
        print(f"{operator} of {opset}, as {target}:", *session.run(None, {"x": x})[0].ravel())
P
"$work/venv/bin/python" enlarge.py > seen
cat seen
diff - seen <<'O'
Upsample of 9, as 9: 0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.0
Upsample of 9, as 10: 0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.0
Upsample of 9, as 11: 0.0 0.25 0.75 1.25 1.75 2.25 2.75 3.0
Upsample of 9, as 13: 0.0 0.25 0.75 1.25 1.75 2.25 2.75 3.0
Resize of 10, as 10: 0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.0
Resize of 10, as 11: 0.0 0.25 0.75 1.25 1.75 2.25 2.75 3.0
Resize of 10, as 13: 0.0 0.25 0.75 1.25 1.75 2.25 2.75 3.0
O
