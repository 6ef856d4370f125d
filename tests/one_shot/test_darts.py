"""DARTS: its gradient is the authors', its fit keeps the rules, and a study of it compares it with random search."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from torch import Tensor

import regnas
from regnas import fit
from regnas.design_space import make_space
from regnas.errors import InfeasibleWindow, StudyError, UsageError
from regnas.fit import FitContext, Fitted, SupportsFit
from regnas.images import Images
from regnas.sampler import SupportsInner
from regnas.search_spaces.cells.nasbench201.architecture import EDGES, OPERATIONS
from regnas.strategies.one_shot.bilevel import WeightStep, first_order, second_order
from regnas.strategies.one_shot.proposing import largest
from regnas.strategies.one_shot.relaxed_search import Settings
from regnas.strategy import make_strategy
from regnas.studies.search.known.fitted import ATTRIBUTE
from regnas.studies.search.search import search
from regnas.supernet import SupportsRelaxation
from regnas.testing import FitRules
from regnas.testing.one_shot import MadeUpImages
from regnas.window import Window

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "darts-vectors.json").read_text())
TINY = "cells=1,channels=2,epochs=3,batch=16"  # of nasbench201
OF = {"nasbench201": TINY, "darts": TINY.replace("cells=1", "cells=3")}


def inner_of(spec: str, space: str = "darts") -> SupportsFit:
    sampler = make_strategy(spec, make_space(space).on(Images(16, 4)), seed=0)
    assert isinstance(sampler, SupportsInner) and isinstance(sampler.inner, SupportsFit)
    return sampler.inner


# --- the gradient -------------------------------------------------------------------------------------------


def losses(row: dict[str, Any]) -> tuple[Tensor, Tensor, Any, Any]:
    """Weights, alphas and the two losses of a row of the vectors."""
    w, alpha, a, b = (torch.tensor(row[name], dtype=torch.float64) for name in ("w", "alpha", "A", "b"))
    w, alpha = w.requires_grad_(), alpha.requires_grad_()

    def training() -> Tensor:
        found: Tensor = 0.5 * (w - a @ alpha).square().sum() + 0.25 * row["kappa"] * (alpha * w.square()).sum()
        return found

    def validation() -> Tensor:
        found: Tensor = 0.5 * (w - b).square().sum() + row["gamma"] * (alpha * w).sum()
        return found

    return w, alpha, training, validation


def step_of(row: dict[str, Any], *, buffers: bool = True) -> WeightStep:
    buffer = torch.tensor(row["momentum_buffer"], dtype=torch.float64)
    return WeightStep(row["xi"], row["momentum"], row["weight_decay"], [buffer if buffers else None])


@pytest.mark.parametrize("row", VECTORS["darts_second_order"]["rows"])
def test_the_second_order_gradient_is_that_of_the_authors_step(row: dict[str, Any]) -> None:
    """Golden values: the closed form, and the finite difference, of quadratic losses."""
    w, alpha, training, validation = losses(row)
    (found,) = second_order([w], [alpha], training, validation, step_of(row))
    assert found.tolist() == pytest.approx(row["second_order_fd"], rel=1e-9)
    assert found.tolist() == pytest.approx(row["second_order"], rel=1e-6)
    assert w.tolist() == row["w"], "the weights were not restored"
    (first,) = first_order([alpha], validation)
    assert first.tolist() == pytest.approx(row["first_order"], rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_second_order_gradient_is_that_of_autograd_through_the_step(seed: int) -> None:
    """Of a small network that is not quadratic; the finite difference is exact to its second order in the step."""
    drawn = torch.Generator().manual_seed(seed)
    shapes = [(4, 3), (2, 4)]
    weights = [torch.randn(shape, generator=drawn, dtype=torch.float64).requires_grad_() for shape in shapes]
    alpha = torch.randn(2, 3, generator=drawn, dtype=torch.float64).requires_grad_()
    buffers = [torch.randn(shape, generator=drawn, dtype=torch.float64) for shape in shapes]
    images = torch.randn(2, 5, 3, generator=drawn, dtype=torch.float64)

    def loss(used: list[Tensor], x: Tensor) -> Tensor:
        gates = alpha.softmax(1)
        return (torch.tanh(x * gates[0] @ used[0].T) @ used[1].T).square().mean() + (gates[1] * x).sum(
            1
        ).square().mean()

    step = WeightStep(0.1, 0.9, 3e-4, buffers)
    gradients = torch.autograd.grad(loss(weights, images[0]), weights, create_graph=True)
    later = [
        weight - 0.1 * (0.9 * buffer + gradient + 3e-4 * weight)
        for weight, buffer, gradient in zip(weights, buffers, gradients, strict=True)
    ]
    (exact,) = torch.autograd.grad(loss(later, images[1]), [alpha])
    (found,) = second_order(weights, [alpha], lambda: loss(weights, images[0]), lambda: loss(weights, images[1]), step)
    assert torch.allclose(found, exact, rtol=1e-3, atol=1e-6)


def test_without_a_step_of_the_weights_both_orders_agree() -> None:
    w, alpha, training, validation = losses(VECTORS["darts_second_order"]["rows"][2])
    (found,) = second_order([w], [alpha], training, validation, WeightStep(0.0, 0.9, 0.0, [None]))
    assert torch.allclose(found, first_order([alpha], validation)[0], rtol=1e-12)


def test_the_learning_rate_is_half_a_cosine_over_epochs() -> None:
    """As torch's CosineAnnealingLR gives it, which the authors use."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=0.025)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 50, eta_min=0.001)
    for epoch in range(50):
        assert Settings().rate_of(epoch) == pytest.approx(schedule.get_last_lr()[0], rel=1e-9)
        optimiser.step()
        schedule.step()


# --- the fit ------------------------------------------------------------------------------------------------


class TestFit(FitRules):
    slow = pytest.mark.slow
    params = ("nasbench201", "nasbench201, second order and remedies", pytest.param("darts", marks=slow))

    @pytest.fixture(autouse=True, params=params)
    def _of_space(self, request: pytest.FixtureRequest) -> None:
        self._space = request.param.partition(",")[0]
        self._options = "order=2,edges=true,stop=eigenvalue" if "remedies" in request.param else "order=1"

    def make(self) -> SupportsFit:
        return inner_of(f"darts[{OF[self._space]},{self._options}]", self._space)

    def other(self) -> SupportsFit:
        return inner_of(f"darts[{OF[self._space]},{self._options},alpha_rate=0.5]", self._space)


def fitted(spec: str, folder: Path, space: str = "nasbench201", **further: Any) -> Fitted:
    one = inner_of(spec, space)
    found = one.fit(FitContext(folder=folder, images=MadeUpImages(64, 16, 4), seed=3, **further))
    assert found is not None
    return found


def relaxable() -> SupportsRelaxation:
    space = make_space("nasbench201").on(Images(16, 4))
    assert isinstance(space, SupportsRelaxation)
    return space


def told(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / fit.EPOCHS).read_text().splitlines() if line]


def test_every_epoch_tells_what_a_collapse_is_seen_by(tmp_path: Path) -> None:
    fitted(f"darts[{TINY}]", tmp_path)
    for one in told(tmp_path):
        alpha = torch.tensor(one["alphas"]["cell"], dtype=torch.float64)
        mixed = alpha.softmax(1)
        assert alpha.shape == (6, 5)
        assert one["entropy"] == pytest.approx(-(mixed * mixed.log()).sum(1).mean().item(), rel=1e-6)
        assert one["skip"] == pytest.approx(mixed[:, 1].mean().item(), rel=1e-6) == one["weights"]["skip_connect"]
        assert one["skips"] == list(one["params"].values()).count("skip_connect")
        assert list(one["params"]) == [f"op_{start}{end}" for start, end in EDGES]
        assert [OPERATIONS.index(op) for op in one["params"].values()] == mixed.argmax(1).tolist()
        assert one["derived"] in one["line"] and "entropy" in one["line"]


@pytest.mark.slow
def test_the_two_cells_of_darts_are_derived_from_alphas_of_their_own(tmp_path: Path) -> None:
    found = fitted(f"darts[{OF['darts']}]", tmp_path, "darts")
    last = told(tmp_path)[-1]
    assert {name: (len(rows), len(rows[0])) for name, rows in last["alphas"].items()} == {
        "normal": (14, 8),
        "reduce": (14, 8),
    }
    assert found.facts["params"] == last["params"] and len(last["params"]) == 32
    assert "none" not in last["params"].values()
    for cell, node in product(("normal", "reduce"), range(4)):
        inputs = {last["params"][f"{cell}_{node}_input_{side}"] for side in "xy"}
        assert len(inputs) == 2 and max(inputs) < node + 2


def test_weights_and_alphas_never_see_the_same_image(tmp_path: Path) -> None:
    """The parts are of the seed, and together all images."""
    from regnas.strategies.one_shot.relaxed_search import RelaxedSearch, new_search

    space = relaxable()
    found: list[RelaxedSearch] = []
    for seed in (3, 3, 4):
        context = FitContext(folder=tmp_path, images=MadeUpImages(65, 16, 4), seed=seed)
        found.append(new_search(space, Settings(batch=8), {"cells": 1, "channels": 2}, context, str))
    parts = [(set(one._own.tolist()), set(one._others.tolist())) for one in found]
    assert all(not own & others and own | others == set(range(65)) for own, others in parts)
    assert parts[0] == parts[1] != parts[2] and abs(len(parts[0][0]) - len(parts[0][1])) <= 1


def test_alphas_do_not_learn_from_the_images_of_the_weights_in_the_first_order(tmp_path: Path) -> None:
    """With labels of its own part alone permuted, the first step of the alphas is the same."""
    from regnas.strategies.one_shot.relaxed_search import new_search

    space, steps = relaxable(), []
    for spoiled in (False, True):
        images = MadeUpImages(32, 16, 4)
        context = FitContext(folder=tmp_path, images=images, seed=3)
        one = new_search(space, Settings(batch=16), {"cells": 1, "channels": 2}, context, str)
        if spoiled:
            images.labels[one._own] = (images.labels[one._own] + 1) % 4
        one.run_epoch()
        steps.append(one._alphas[0].detach().clone())
    assert torch.equal(steps[0], steps[1])


def test_it_ends_when_the_derived_cell_has_too_many_skips(tmp_path: Path) -> None:
    found = fitted(f"darts[{TINY},stop=skips,skips=1,after=2]", tmp_path)
    numbers = [one["skips"] for one in told(tmp_path)]
    late = [epoch for epoch, count in enumerate(numbers, 1) if epoch >= 2 and count >= 1]
    assert found.epochs == (late[0] if late else 3)
    assert ("skip connections (stop=skips)" in found.ended) == bool(late)


def test_alphas_rest_while_they_are_held_and_options_of_later_releases_change_no_fit_without_them(
    tmp_path: Path,
) -> None:
    fitted(f"darts[{TINY},hold=2,partial=2]", tmp_path)
    first, second, third = (one["alphas"] for one in told(tmp_path))
    assert first == second != third
    plain, held = (dict(inner_of(spec).fit_settings) for spec in ("darts", "darts[hold=2,partial=4]"))
    assert "hold" not in plain and held == {**plain, "hold": 2, "partial": 4}


def test_alphas_that_are_no_numbers_are_said_and_the_epochs_before_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regnas.strategies.one_shot import relaxed_search

    calls = [0]

    def spoiled(alphas: list[Tensor], validation: Any) -> list[Tensor]:
        calls[0] += 1
        return [torch.full_like(alpha, math.nan if calls[0] > 2 else 0.1) for alpha in alphas]

    monkeypatch.setattr(relaxed_search, "first_order", spoiled)
    with pytest.raises(
        StudyError, match="its alphas are no finite numbers any more in epoch 2; lower rate= or alpha_rate="
    ) as said:
        fitted(f"darts[{TINY}]", tmp_path)
    assert "\n" not in str(said.value)
    assert [one["epoch"] for one in told(tmp_path)] == [1] and (tmp_path / fit.SNAPSHOT).exists()


@pytest.mark.parametrize(
    ("spec", "images", "said"),
    [
        ("darts[batch=64]", 100, "larger than half of the 100 training images, 50"),
        ("darts[batch=16,share=0.9]", 100, "smaller part .share=0.9. of the 100 training images, 10"),
    ],
)
def test_a_batch_larger_than_half_of_the_images_is_refused(spec: str, images: int, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        inner_of(spec).check_fit(images)


@pytest.mark.parametrize(
    ("spec", "space", "said"),
    [
        ("darts", "regnetx", "regnetx has no such relaxation; search darts, pnas or nasbench201"),
        ("darts", "enas", "do not put out all of their nodes"),
        ("darts[order=3]", "darts", "order of strategy darts is 1 or 2, got 3"),
        ("darts[momentum=1.0]", "darts", "below 1"),
        ("darts[stop=late]", "darts", "one of never, skips, eigenvalue"),
        ("darts[share=1.0]", "darts", "between 0 and 1"),
        ("darts[cells=2]", "darts", "from 3"),
        ("darts[hold=50]", "darts", "hold of strategy darts is from 0 to below the epochs, 50"),
        ("darts[partial=3]", "nasbench201", "partial=3 mixes one channel in 3, and the supernet has 16 channels"),
        ("darts[cels=8]", "darts", "no option 'cels'"),
        ("darts:second", "darts", "nothing behind a colon"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(spec: str, space: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refusal:
        make_strategy(spec, make_space(space), seed=0)
    assert "\n" not in str(refusal.value)


def test_the_small_setting_gives_way_to_what_is_said() -> None:
    small, own = (dict(inner_of(spec).fit_settings) for spec in ("darts[small=true]", "darts[small=true,epochs=7]"))
    assert small["channels"] == 4 and small["epochs"] != 7 == own["epochs"]
    assert {**small, "epochs": 7} == own


def test_a_whole_number_is_taken_where_a_fraction_may_be_said() -> None:
    whole, fraction = (dict(inner_of(f"darts[alpha_rate={said}]").fit_settings) for said in ("1", "1.0"))
    assert whole == fraction and type(whole["alpha_rate"]) is float


# --- what is proposed ---------------------------------------------------------------------------------------


def test_parameters_that_a_fit_leaves_free_are_those_of_the_largest_network_inside_the_window() -> None:
    space = make_space("darts").on(Images(16, 4))
    (one,) = space.sample(1)
    cells = {name: value for name, value in one.params.items() if name not in ("width", "depth")}
    sizes = [(width, depth) for width in (16, 24, 32) for depth in (4, 8, 12, 16, 20)]
    costs = [space.decode({**one.params, "width": w, "depth": d}).complexity(16).flops for w, d in sizes]
    limit = sorted(costs)[7]
    found = largest(space.within(Window.parse(flops=f":{limit}")), cells)
    assert space.decode(found).complexity(16).flops == limit
    assert {name: found[name] for name in cells} == cells


def test_a_study_of_optunas_own_is_told_that_there_is_no_fit(quiet_optuna: None) -> None:
    space = make_space("nasbench201")
    study = optuna.create_study(sampler=make_strategy("darts", space, seed=0))
    with pytest.raises(UsageError, match="which regnas search does"):
        study.ask(space.distributions)


OPTIONS: dict[str, Any] = {
    "strategy": f"darts[{OF['nasbench201']}]",
    "data": "fake:64",
    "flops": ":100M",
    "epochs": 1,
    "workers": 0,
    "quiet": True,
    "baselines": False,
}


def run(out: Path, **options: Any) -> Any:
    return search("nasbench201[cells=1,width=4]", **{**OPTIONS, "out": out, "study": "one", **options})


def test_the_first_candidate_is_the_derived_network_and_the_others_are_random(tmp_path: Path) -> None:
    result = run(tmp_path, budget=4)
    found = json.loads((tmp_path / "one" / "fit" / fit.RESULT).read_text())
    space = make_space("nasbench201[cells=1,width=4,same=functions]").on(Images(16, 4))
    derived = space.decode(space.canonical(found["facts"]["params"]))
    assert [row["index"] for row in result.rows] == [0, 1, 2, 3]
    assert result.rows[0]["architecture"] == derived.to_json()
    stream = [one.architecture.to_json() for one in space.within(Window.parse(flops=":100M")).sample(8)]
    assert all(row["architecture"] in stream for row in result.rows[1:])
    assert result.study.user_attrs[ATTRIBUTE]["seconds"] == found["seconds"] > 0
    line = result.remarks[-1]
    assert line.startswith(f"darts: {result.rows[0]['error']:.2%} after ")
    assert "of search and " in line and f"best of 3, {min(row['error'] for row in result.rows[1:]):.2%}" in line


def test_a_finished_fit_is_not_done_again(tmp_path: Path) -> None:
    run(tmp_path, budget=2)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "one" / "fit").iterdir()}
    more = run(tmp_path, budget=3)
    assert len(more.rows) == 3 and more.remarks[-1].count("best of 2")
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "one" / "fit").iterdir()} == before


def test_without_a_budget_random_candidates_cost_what_search_and_training_did(tmp_path: Path) -> None:
    result = run(tmp_path)
    cost = result.rows[0]["seconds"]
    spent = result.study.user_attrs[ATTRIBUTE]["seconds"]
    assert len(result.rows) == 1 + max(1, round((spent + cost) / cost))
    assert len(run(tmp_path).rows) == len(result.rows), "a finished study went on"


def test_the_fit_of_another_study_in_the_folder_is_refused_and_stays(tmp_path: Path) -> None:
    run(tmp_path, budget=2)
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "fit").rename(tmp_path / "two" / "fit")
    with pytest.raises(StudyError, match="is of another fit .*seed: stored 0, asked 1"):
        run(tmp_path, study="two", budget=2, seed=1)
    assert (tmp_path / "two" / "fit" / fit.RESULT).exists()


def test_an_evaluator_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="trains on images before the first candidate, and --evaluator table:"):
        search("nasbench201", strategy="darts", evaluator="table:nasbench201/cifar10", out=tmp_path, quiet=True)


def test_too_few_images_are_said_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="batch=64 of strategy darts is larger than half of the 48 training images, 24"
    ):
        run(tmp_path, strategy="darts", budget=2)
    assert not (tmp_path / "one" / "fit").exists()


def test_a_window_with_one_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InfeasibleWindow):
        search(
            "nasbench201[cells=1,width=4]",
            **{**OPTIONS, "flops": None, "limits": {"params": "1k:1001"}, "out": tmp_path, "study": "few"},
        )
    assert not (tmp_path / "few" / "fit").exists()


def test_regnas_space_offers_the_relaxation_in_python() -> None:
    space = regnas.space("darts", resolution=16, classes=4)
    assert isinstance(space, SupportsRelaxation)
    one = space.relaxation(channels=2, cells=3)
    assert {name: tuple(alpha.shape) for name, alpha in one.alphas.items()} == {"normal": (14, 8), "reduce": (14, 8)}
