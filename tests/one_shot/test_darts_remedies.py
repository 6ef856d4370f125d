"""What keeps DARTS from a collapse: weights of edges, and an end where the loss bends too sharply in the alphas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from regnas import fit
from regnas.design_space import make_space
from regnas.fit import FitContext, Fitted, SupportsFit
from regnas.images import Images
from regnas.sampler import SupportsInner
from regnas.sampling import keyed
from regnas.search_spaces.cells.supernets.mixed import edge_shares
from regnas.strategies.one_shot import curvature
from regnas.strategy import make_strategy
from regnas.supernet import SupportsRelaxation
from regnas.testing.one_shot import MadeUpImages

TINY = "cells=1,channels=2,batch=16"


def fitted(options: str, folder: Path) -> tuple[Fitted, list[dict[str, Any]]]:
    """A fit on NAS-Bench-201, and what it told of its epochs."""
    sampler = make_strategy(f"darts[{TINY},{options}]", make_space("nasbench201").on(Images(16, 4)), seed=0)
    assert isinstance(sampler, SupportsInner) and isinstance(sampler.inner, SupportsFit)
    found = sampler.inner.fit(FitContext(folder=folder, images=MadeUpImages(64, 16, 4), seed=3))
    assert found is not None
    return found, [json.loads(line) for line in (folder / fit.EPOCHS).read_text().splitlines() if line]


def relaxation(spec: str, **sizes: int) -> Any:
    space = make_space(spec).on(Images(16, 10))
    assert isinstance(space, SupportsRelaxation)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return space.relaxation(**sizes)


# --- weights of edges ---------------------------------------------------------------------------------------


def test_the_inputs_of_each_node_share_one() -> None:
    """By hand: softmax of equal numbers is even, and 0 beside log 3 is a quarter."""
    found = edge_shares(torch.tensor([0.0, 0.0, 0.0, float(np.log(3)), 7.0]), [2, 2, 1])
    assert found.tolist() == pytest.approx([0.5, 0.5, 0.25, 0.75, 1.0])


@pytest.mark.parametrize("spec", ["darts", "nasbench201"])
def test_a_node_is_the_weighed_sum_of_its_inputs(spec: str) -> None:
    """With even weights a cell without its edges' weights, whose operations all have 1/inputs as much weight."""
    with_edges, without = (relaxation(spec, channels=4, cells=3, **more) for more in ({"edges": 1}, {}))
    without.load_state_dict({k: v for k, v in with_edges.state_dict().items() if not k.startswith("_edges")})
    cell = next(one for one in with_edges.modules() if type(one).__name__ in ("MixedCell", "MixedEdges"))
    plain = next(one for one in without.modules() if type(one) is type(cell))
    inputs = [2, 3, 4, 5] if spec == "darts" else [1, 2, 3]
    even = edge_shares(torch.zeros(sum(inputs)), inputs)
    weights = torch.rand(sum(inputs), len(with_edges.operations), generator=torch.Generator().manual_seed(0))
    x = torch.randn(2, 12 if spec == "darts" else 4, 8, 8, generator=torch.Generator().manual_seed(1))
    maps = (x, x) if spec == "darts" else (x,)
    assert torch.allclose(cell(*maps, weights, even), plain(*maps, weights * even[:, None]), atol=1e-6)
    assert not torch.allclose(cell(*maps, weights, even), plain(*maps, weights), atol=1e-3)


def test_weights_of_edges_choose_the_inputs_and_alphas_the_operations() -> None:
    one = relaxation("darts", channels=4, cells=3, edges=1)
    with torch.no_grad():
        for name, alpha in one.alphas.items():
            alpha.zero_()
            alpha[:, one.operations.index("sep_conv_5x5")] = 1.0
            alpha[0, one.operations.index("skip_connect")] = 9.0  # the strongest edge, were it not for its weight
            one.edges[name].copy_(
                torch.tensor([-9.0, 1.0, -9.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0, 0.0, 0.0, 5.0, 0.0, 4.0])
            )
    found = one.derive()
    inputs = [(found[f"normal_{node}_input_x"], found[f"normal_{node}_input_y"]) for node in range(4)]
    assert inputs == [(1, 0), (2, 1), (0, 1), (2, 4)]
    assert [found[f"normal_0_op_{side}"] for side in "xy"] == ["sep_conv_5x5", "skip_connect"]


def test_weights_of_edges_learn_and_are_told(tmp_path: Path) -> None:
    found, told = fitted("epochs=2,edges=true", tmp_path)
    first, second = (one["edges"]["cell"] for one in told)
    assert len(first) == 6 and first != second
    assert found.epochs == 2


# --- curvature ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_curvature_is_the_largest_eigenvalue_of_the_hessian(seed: int) -> None:
    """Of a quadratic loss, by numpy from the matrix; within the tolerance of the iteration."""
    drawn = torch.Generator().manual_seed(seed)
    half = torch.randn(24, 24, generator=drawn, dtype=torch.float64)
    matrix = half + half.T
    alphas = [torch.randn(shape, generator=drawn, dtype=torch.float64).requires_grad_() for shape in ((4, 5), (4,))]

    def loss() -> Tensor:
        flat = torch.cat([one.reshape(-1) for one in alphas])
        return 0.5 * flat @ matrix @ flat

    found = curvature.curvature_of(loss, alphas, keyed.generator("curvature", seed))
    assert found.eigenvalue == pytest.approx(np.linalg.eigvalsh(matrix.numpy())[-1], rel=1e-2)
    assert all(alpha.grad is None for alpha in alphas)


def test_every_pass_for_the_curvature_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass is a call of autograd: the gradient, and each product of Hessian and vector."""
    asked, gradient = list[Any](), torch.autograd.grad

    def counting(*args: Any, **options: Any) -> Any:
        asked.append(args)
        return gradient(*args, **options)

    alpha = torch.linspace(-1, 1, 24, dtype=torch.float64).requires_grad_()
    with monkeypatch.context() as patch:
        patch.setattr(torch.autograd, "grad", counting)
        found = curvature.curvature_of(lambda: alpha.pow(4).sum(), [alpha], keyed.generator("curvature"))
    assert found.passes == len(asked) > 2
    _, told = fitted("epochs=1,stop=eigenvalue", tmp_path)
    assert told[0]["eigenvalue_passes"] > 2
    _, told = fitted("epochs=1", tmp_path / "plain")
    assert "eigenvalue_passes" not in told[0]


def test_a_loss_that_is_no_number_has_no_curvature() -> None:
    alpha = torch.full((2, 2), float("nan"), requires_grad=True)
    assert np.isnan(curvature.curvature_of(lambda: alpha.square().sum(), [alpha], keyed.generator("c")).eigenvalue)


def test_the_epoch_before_the_curvature_grew_is_taken() -> None:
    """By hand: means over five epochs, five apart; 1 beside (3 x 1 + 2 x 2) / 5 = 1.4 is below three quarters."""
    values = [1.0] * 10 + [2.0] * 5
    assert [curvature.taken(values[:epoch], 1) for epoch in range(1, 16)] == [None] * 11 + [5, 6, 7, 8]
    assert curvature.taken(values[:12], 6) is None and curvature.taken(values[:13], 6) == 6


@given(
    values=st.lists(st.floats(0.01, 100.0), min_size=1, max_size=60),
    after=st.integers(1, 20),
    scale=st.floats(0.5, 2.0),
)
def test_a_curvature_that_falls_ends_nothing_and_its_unit_does_not_matter(
    values: list[float], after: int, scale: float
) -> None:
    assert curvature.taken(sorted(values, reverse=True), after) is None
    found = curvature.taken(values, after)
    assert found is None or after <= found <= len(values) - 7
    assert curvature.taken([scale * 2.0**40 * value for value in values], after) == curvature.taken(
        [scale * value for value in values], after
    )


def test_the_network_of_the_epoch_before_is_what_the_search_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([1.0] * 10 + [10.0] * 10)
    monkeypatch.setattr(curvature, "curvature_of", lambda *_: curvature.Curvature(next(values), passes=14))
    found, told = fitted("epochs=20,stop=eigenvalue,alpha_rate=0.5", tmp_path)
    assert found.epochs == len(told) == 11
    assert found.ended == "the loss bends more sharply in the alphas than at epoch 4 (stop=eigenvalue)"
    assert found.facts["params"] == told[3]["params"] != told[-1]["params"]
    assert "after 4 epochs" in found.facts["said"]


def test_looking_at_the_curvature_changes_no_search(tmp_path: Path) -> None:
    (_, plain), (_, looked) = (fitted(f"epochs=2,stop={stop}", tmp_path / stop) for stop in ("never", "eigenvalue"))
    assert [one["alphas"] for one in plain] == [one["alphas"] for one in looked]
    assert [one["error"] for one in plain] == [one["error"] for one in looked]
    assert all(np.isfinite(one["eigenvalue"]) for one in looked)
