"""Scores without training: their values, what they do not depend on, and what networks do not have."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from regnas.evaluators.zero_cost.scores import SCORES, Batch, error_of, score_all
from regnas.evaluators.zero_cost.shared import SHARED, shared_scores
from regnas.evaluators.zero_cost.synflow import synflow
from regnas.evaluators.zero_cost.zen import STEP, features, zen

# What zero-cost-nas gives of a network whose weights are sines; `note` in the file says all of it.
VECTORS = json.loads((Path(__file__).parents[2] / "data" / "zero-cost-vectors.json").read_text())["zero_cost"]["rows"]
BUILT = [name for name in SCORES if name not in ("flops", "params", "activations")]


class Sines(nn.Module):
    """The network of the vectors."""

    def __init__(self, row: dict[str, Any]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4) if row["batch_norm"] else nn.Identity()
        self.conv2 = nn.Conv2d(4, 6, 3, 2, 1, groups=2)
        self.classifier = nn.Linear(6, 3)
        self.relus = nn.ModuleList(nn.ReLU(inplace=True) for _ in range(2))
        weights = (self.conv1.weight, self.conv2.weight, self.conv2.bias, self.classifier.weight, self.classifier.bias)
        for number, weight in enumerate(weights, 1):
            assert weight is not None
            count = torch.arange(weight.numel(), dtype=torch.float64)
            weight.data = (row["weight_scale"] * torch.sin(number + 1.7 * count)).view_as(weight)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relus[0](self.norm(self.conv1(x)))
        return self.classifier(self.relus[1](self.conv2(x)).mean((2, 3)))  # type: ignore[no-any-return]


def _batch(row: dict[str, Any]) -> Batch:
    images = torch.cos(row["input_offset"] + 0.37 * torch.arange(4 * 2 * 36, dtype=torch.float64)).view(4, 2, 6, 6)
    return Batch(images, torch.tensor([0, 1, 2, 0]))


@pytest.fixture(params=VECTORS, ids=lambda row: f"bn-{row['batch_norm']}-{row['weight_scale']}")
def row(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


def _some() -> tuple[nn.Module, Batch]:
    """A small network of usual numbers, and a batch."""
    torch.manual_seed(3)
    body = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3))
    network = nn.Sequential(body, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return network, Batch(torch.randn(8, 3, 8, 8), torch.arange(8) % 3)


def test_scores_equal_the_authors_code(row: dict[str, Any]) -> None:
    batch = _batch(row)
    found = score_all(Sines(row), batch, [*SHARED, "synflow", "l2"], seed=0, repeats=1)
    wanted = {**row, "jacov": row["jacob_cov"], "l2": row["l2_norm"], "synflow": math.log(row["synflow"])}
    assert found.missing == {}
    assert found.values == pytest.approx({name: wanted[name] for name in found.values}, rel=2e-9)  # 10 printed digits


def test_together_they_are_what_each_is_alone() -> None:
    """Equal but for rounding: 24 bits, and sums of a few hundred terms."""
    network, batch = _some()
    together = score_all(network, batch, BUILT, seed=1, repeats=2).values
    assert list(together) and set(together) == set(BUILT)
    for name in BUILT:
        network, batch = _some()
        alone = score_all(network, batch, [name], seed=1, repeats=2).values
        assert alone[name] == pytest.approx(together[name], rel=1e-4), name


def test_scoring_leaves_the_weights() -> None:
    network, batch = _some()
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    score_all(network, batch, BUILT, seed=1, repeats=1)
    assert all(torch.equal(before[name], weight) for name, weight in network.named_parameters())


def test_synflow_grows_by_the_scale_of_every_layer() -> None:
    """R is linear in each layer's weights where there are no biases, so |w dR/dw| grows as the product of scales."""
    layers = [nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, bias=False)]
    network = nn.Sequential(*layers)
    before = synflow(network, (3, 8, 8))
    with torch.no_grad():
        for weight in (layers[0].weight, layers[3].weight):
            assert isinstance(weight, Tensor)
            weight.mul_(-10)
    assert synflow(network, (3, 8, 8)) == pytest.approx(before + 2 * math.log(10), rel=1e-6)


def test_synflow_of_a_very_deep_network_is_a_number() -> None:
    layers = [nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU()) for _ in range(200)]
    for layer in layers:
        nn.init.constant_(layer[0].weight, 5.0)  # type: ignore[arg-type]
    assert synflow(nn.Sequential(*layers), (3, 2, 2)) > math.log(3.4e38)  # more than 32 bits hold


def test_zen_is_its_formula_where_there_is_one_layer() -> None:
    """running_var after two passes at momentum 0.1 is .81 + .09 v1 + .1 v2 (reference: ZenNAS)."""
    network = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4, momentum=0.3))
    generator = torch.Generator().manual_seed(7)
    weight = torch.randn(4, 3, 1, 1, generator=generator)
    image, step = (torch.randn(16, 3, 5, 5, generator=generator) for _ in range(2))
    maps = [torch.einsum("oi,nihw->nohw", weight[:, :, 0, 0], x).double() for x in (image, image + STEP * step)]
    variances = [one.var((0, 2, 3), unbiased=True) for one in maps]
    running = 0.81 + 0.09 * variances[0] + 0.1 * variances[1]
    near, far = (
        (one - one.mean((0, 2, 3), keepdim=True)) / (one.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
        for one in maps
    )
    wanted = (near - far).abs().sum((1, 2, 3)).mean().log() + running.mean().log() / 2
    assert zen(network, (3, 5, 5), seed=7, repeats=1) == pytest.approx(wanted.item(), rel=1e-5)


def test_features_are_those_before_the_pooling() -> None:
    network, batch = _some()
    assert features(network, batch.images).shape == (8, 4, 4, 4)


def test_a_shared_relu_counts_at_each_of_its_calls() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(self.relu(x - 1) - 0.5)  # type: ignore[no-any-return]

    images = torch.randn(5, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    codes = [(one.flatten(1) > 0).double() for one in (images - 1, torch.relu(images - 1) - 0.5)]
    kernel = sum(code @ code.T + (1 - code) @ (1 - code).T for code in codes)
    found = shared_scores(Twice(), images, torch.zeros(5, dtype=torch.long), ["naswot"])
    assert found["naswot"] == pytest.approx(torch.logdet(torch.as_tensor(kernel)).item())


def test_two_equal_images_give_no_naswot_and_the_line_says_so() -> None:
    network, batch = _some()
    images = batch.images.clone()
    images[1] = images[0]
    found = score_all(network, Batch(images, batch.labels), ["naswot", "snip"], seed=0, repeats=1)
    assert list(found.values) == ["snip"]
    assert "naswot of this network is -inf" in found.missing["naswot"]


@pytest.mark.parametrize(
    ("network", "name", "words"),
    [
        (nn.Sequential(nn.Conv2d(3, 3, 8), nn.SiLU(), nn.Flatten()), "naswot", "nn.ReLU"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), "snip", "convolutions and linear"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), "zen", "feature maps"),
    ],
)
def test_a_network_without_the_layers_of_a_score_has_none(network: nn.Module, name: str, words: str) -> None:
    _, batch = _some()
    found = score_all(network, batch, [name, "jacov"], seed=0, repeats=1)
    assert words in found.missing[name] and name not in found.values


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_errors_fall_where_scores_rise(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= error_of(high) <= error_of(low) <= 1
    if high - low > 1e-12 * max(1.0, abs(low), abs(high)):
        assert error_of(high) < error_of(low)
