"""What a user says of a runtime, and what there is not."""

from __future__ import annotations

from typing import Any

import pytest

from regnas.errors import RegnasError, UsageError
from regnas.evaluators.latency.setup import Setup, setup_of


def test_a_spec_and_the_flag_make_a_set_up() -> None:
    assert setup_of({}) == Setup()
    assert setup_of({"runtime": "onnxruntime[batch=8,networks=20]", "threads": 2}) == Setup(
        runtime="onnxruntime", batch=8, networks=20, threads=2
    )
    assert setup_of({"runtime": "torch[precision=bfloat16,device=cuda:1]"}).on("cpu") == "cuda:1"
    assert setup_of({"runtime": "onnxruntime"}).on("cuda:0") == "cpu"
    assert setup_of({"runtime": "torch", "threads": None}).on("cuda:0") == "cuda:0"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"runtime": "tflite"}, "--runtime is torch or onnxruntime, got 'tflite'"),
        ({"runtime": "torch:x"}, r"a runtime takes its options in brackets, torch\[threads=1\]"),
        ({"runtime": "torch[speed=1]"}, "a runtime has no option speed; it has threads, batch"),
        ({"runtime": "torch[batch=0]"}, "batch of a runtime is a whole number from 1 to 65,536, got 0"),
        ({"runtime": "torch[batch=two]"}, "batch of a runtime is a whole number, got 'two'"),
        ({"runtime": "torch[networks=5]"}, "networks of a runtime is a whole number from 10 to 50, got 5"),
        ({"runtime": "torch[threads=2]", "threads": 1}, "threads are said twice"),
        ({"threads": 0}, "threads of a runtime is a whole number from 1 to 1,024, got 0"),
        ({"runtime": "onnxruntime[precision=float16]"}, "onnxruntime is measured in float32, got precision=float16"),
        ({"runtime": "onnxruntime[device=cuda:0]"}, "onnxruntime is measured on cpu, got device=cuda:0"),
    ],
)
def test_what_cannot_be_meant_is_named(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        setup_of(options)


def test_a_runtime_that_is_not_installed_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    from regnas.evaluators.latency.meter import make_meter
    from regnas.system import optional

    def version(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(optional, "version", version)
    with pytest.raises(RegnasError, match=r"this needs onnx, which is not installed: pip install 'regnas\[onnx\]'"):
        make_meter({"runtime": "onnxruntime"}, None)
