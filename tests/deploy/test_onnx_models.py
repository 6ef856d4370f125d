"""Modules as ONNX models in memory: of every family, with the logits that torch gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import regnas
from regnas.deploy.onnx import onnx_bytes
from regnas.errors import RegnasError, UsageError

onnxruntime: Any = pytest.importorskip("onnxruntime")

SPACES = (
    "regnetx",
    "regnety[stem=resnet,head_width=64]",
    "anynetx-a[block=vr]",
    "vanilla",
    "resnext-b",
    "nasbench201",
    "nasnet",
    "amoebanet",
    "pnas",
    "enas",
    "darts",
)


def logits(model: bytes, images: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["logits"], {"images": images.numpy()})[0])


@pytest.mark.parametrize("space", SPACES)
def test_a_model_gives_the_logits_of_its_module_for_any_number_of_images(space: str) -> None:
    """With normalisations that change something; float32 sums in another order differ by some 1e-6 of the largest."""
    module = regnas.space(space, flops=":30M", resolution=33, classes=5).sample(1, seed=3)[0].architecture.build()
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()  # type: ignore[union-attr]
            part.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
            nn.init.uniform_(part.weight)
    model = onnx_bytes(module.train(), (3, 33, 33))
    assert module.training, "the module is left in the mode that it was in"
    module.eval()
    for count in (1, 3):
        images = torch.randn(count, 3, 33, 33)
        with torch.no_grad():
            wanted = module(images)
        assert float((logits(model, images) - wanted).abs().max()) <= 1e-5 * float(wanted.abs().max())


def test_a_fixed_batch_is_one_and_weights_keep_their_names() -> None:
    import onnx

    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    model = onnx.load_from_string(onnx_bytes(module, (3, 8, 8), dynamic_batch=False))
    onnx.checker.check_model(model, full_check=True)
    assert [side.dim_value for side in model.graph.input[0].type.tensor_type.shape.dim] == [1, 3, 8, 8]
    assert {weight.name for weight in model.graph.initializer} == set(module.state_dict())


@pytest.mark.parametrize("opset", [18, 20, 23])
def test_every_opset_gives_the_same(opset: int) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()
    images = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        np.testing.assert_allclose(
            logits(onnx_bytes(module, (3, 8, 8), opset=opset), images), module(images), atol=1e-6
        )


class _Branching(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean((1, 2, 3)) if images.sum() > 0 else images.amax((1, 2, 3))


def test_what_nobody_can_write_is_an_error_with_both_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    def export(*asked: Any, **options: Any) -> None:
        raise RuntimeError("data-dependent branching")

    monkeypatch.setattr(torch.onnx, "export", export)
    with pytest.raises(
        RegnasError, match=r"_Branching cannot be written as ONNX: torch\.fx cannot trace it .*branching"
    ):
        onnx_bytes(_Branching(), (3, 8, 8))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"opset": 12}, "the opset is a whole number from 18 to 23, got 12"),
        ({"shape": (3, 0, 8)}, r"the shape of an image is \(channels, height, width\), got \(3, 0, 8\)"),
    ],
)
def test_an_opset_or_a_shape_that_is_none_is_named(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        onnx_bytes(nn.Identity(), **{"shape": (3, 8, 8), **options})
