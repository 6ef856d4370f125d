"""The strategy enas: its controller's numbers, its fit, what it proposes."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

from regnas import fit
from regnas.design_space import Space, make_space
from regnas.errors import StudyError, UsageError
from regnas.fit import FitContext, SupportsFit
from regnas.growth import SupportsSizes
from regnas.images import Images
from regnas.sampler import SupportsInner
from regnas.states import DecidedPart, State, SupportsStates
from regnas.strategies.models.policy_gradient import Baseline
from regnas.strategies.one_shot.attention import AttentionController, ReferenceAdam, Shape, skip_penalty
from regnas.strategies.one_shot.shared_settings import MACRO, MICRO, Settings
from regnas.strategy import make_strategy
from regnas.testing import FitRules
from regnas.testing.one_shot import MadeUpImages
from regnas.window import Window

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "enas-vectors.json").read_text())
MACRO_SPEC = "enas-macro[layers=3,op=conv3|sep3|max3]"
MICRO_SPEC = "enas[op=sep_conv_3x3|max_pool_3x3|skip_connect]"
TINY = "epochs=3,batch=8,updates=2,samples=3,networks=4,units=8,share=0.5"


def space_of(spec: str) -> Space:
    """On small images; cells of two nodes."""
    space = make_space(spec).on(Images(16, 4))
    return space.of_parts(2) if isinstance(space, SupportsSizes) else space


def made(spec: str, strategy: str, seed: int = 0) -> Any:
    return make_strategy(strategy, space_of(spec), seed=seed)


def inner(spec: str, strategy: str) -> SupportsFit:
    sampler = made(spec, strategy)
    assert isinstance(sampler, SupportsInner) and isinstance(sampler.inner, SupportsFit)
    return sampler.inner


class TestFitOnLayersWithSkips(FitRules):
    def make(self) -> SupportsFit:
        return inner(MACRO_SPEC, f"enas[channels=2,{TINY}]")

    def other(self) -> SupportsFit:
        return inner(MACRO_SPEC, f"enas[channels=4,{TINY}]")


class TestFitOnCells(FitRules):
    def make(self) -> SupportsFit:
        return inner(MICRO_SPEC, f"enas[channels=2,cells=3,{TINY}]")

    def other(self) -> SupportsFit:
        return inner(MICRO_SPEC, f"enas[channels=2,cells=3,{TINY},tanh=2.5]")


# --- the authors' numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", VECTORS["enas_skip"]["rows"])
def test_skips_are_drawn_by_twice_their_logit_and_penalised_by_once(row: dict[str, Any]) -> None:
    """The trap of general_controller.py."""
    logit = torch.tensor(row["tanh_constant"], dtype=torch.float64) * math.tanh(row["query"])
    drawn = torch.stack([-logit, logit]).softmax(0)[1]
    assert drawn.item() == pytest.approx(row["sampled_skip_probability"], rel=1e-8)
    assert torch.sigmoid(logit).item() == pytest.approx(row["probability_in_penalty"], rel=1e-8)
    assert skip_penalty(logit, row["target"]).item() == pytest.approx(row["penalty"], rel=1e-8)


def controller(spec: str, **shape: Any) -> AttentionController:
    space = make_space(spec)
    assert isinstance(space, SupportsStates)
    parts = space.decided()
    names = [(*state.inputs, *state.operations, *state.skips) for part in parts for state in part.states]
    allowed = {name: space.dimensions[name].levels(99) for state in names for name in state}
    return AttentionController(parts, allowed, Shape(**shape), torch.Generator().manual_seed(1))


def test_operations_with_weights_are_favoured_at_first_in_the_normal_cell_and_after_it() -> None:
    """Logits tanh / reduce * tanh(10) and of 0, and +-0.25 in the first cell alone; attention near to uniform.

    Shares of 4,000 draws within 5 standard errors, and what weights near to 0 (0.1) add to the logits.
    """
    one, count = controller("enas", tanh=1.1, reduce=2.5, start=1e-4), 4000
    with torch.no_grad():
        drawn = one.draw(count, torch.Generator().manual_seed(2))
    high = 1.1 / 2.5 * math.tanh(10)
    for cell, fixed in (("normal", 0.25), ("reduce", 0.0)):
        weights = [math.exp(high + fixed)] * 2 + [math.exp(-fixed)] * 3
        names = ("sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3", "skip_connect")
        seen = Counter(point[f"{cell}_2_op_y"] for point in drawn.points)
        for name, weight in zip(names, weights, strict=True):
            share = weight / sum(weights)
            assert abs(seen[name] / count - share) < 5 * (share * (1 - share) / count) ** 0.5, (cell, name)


def test_log_probabilities_are_those_of_what_is_drawn() -> None:
    """Of a controller with few networks, all of them drawn: probabilities of different ones sum to 1."""
    one = controller("enas-macro[layers=3,op=conv3|max3,op_1=max3]", start=1.0, tanh=0.5)
    with torch.no_grad():
        drawn = one.draw(3000, torch.Generator().manual_seed(2))
    found: dict[Any, list[float]] = {}
    for point, log in zip(drawn.points, drawn.log_probs.tolist(), strict=True):
        found.setdefault(tuple(sorted(point.items())), []).append(log)
    assert len(found) == 2 * 2 * 2**3 and all(max(logs) - min(logs) < 1e-4 for logs in found.values())
    chances = {key: math.exp(logs[0]) for key, logs in found.items()}
    assert sum(chances.values()) == pytest.approx(1, abs=1e-3)
    seen = Counter(tuple(sorted(point.items())) for point in drawn.points)
    for key, share in chances.items():
        assert abs(seen[key] / 3000 - share) < 5 * (share * (1 - share) / 3000) ** 0.5 + 1e-3
    exact = -sum(share * math.log(share) for share in chances.values())
    spread = float(drawn.entropies.std()) / 3000**0.5
    assert abs(float(drawn.entropies.mean()) - exact) < 5 * spread + 1e-3


def test_what_is_fixed_is_never_drawn_otherwise_and_costs_no_probability() -> None:
    one = controller("enas-macro[layers=3,op=conv3,skip_0_2=1,skip_0_3=0,skip_1_3=0]", start=1.0)
    drawn = one.draw(5, torch.Generator())
    assert all(point["skip_0_2"] == 1 and point["skip_1_3"] == 0 for point in drawn.points)
    assert drawn.log_probs.tolist() == pytest.approx([0.0] * 5, abs=1e-6)
    assert drawn.entropies.tolist() == pytest.approx([0.0] * 5, abs=1e-6)


def test_the_bonus_is_the_whole_entropy_where_there_are_no_skips_and_of_what_was_drawn_where_there_are() -> None:
    micro = controller("enas").draw(4, torch.Generator())
    assert torch.equal(micro.bonuses, micro.entropies) and micro.penalties.tolist() == [0.0] * 4
    macro = controller("enas-macro[layers=3]", start=1.0).draw(4, torch.Generator())
    assert not torch.equal(macro.bonuses, macro.entropies) and bool((macro.penalties > 0).all())


def test_adam_has_no_first_moment_and_an_epsilon_beside_the_uncorrected_root() -> None:
    """By hand, two steps at rate 0.1: rate sqrt(1 - .999^t) g / (sqrt(v) + 1e-3)."""
    weight = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    adam = ReferenceAdam([weight], 0.1)
    square, expected = [0.0, 0.0], [1.0, 1.0]
    for step, gradients in enumerate(([0.5, -1e-4], [-0.2, 0.0]), 1):
        adam.step([torch.tensor(gradients)])
        for place, gradient in enumerate(gradients):
            square[place] = 0.999 * square[place] + 0.001 * gradient**2
            size = 0.1 * (1 - 0.999**step) ** 0.5 / (square[place] ** 0.5 + 1e-3)
            expected[place] -= size * gradient
    assert weight.tolist() == pytest.approx(expected, rel=1e-6)


def test_rates_restart_as_the_authors_do() -> None:
    """Cosines over 10, 20, 40, 80 and 160 epochs, 310 in all, from 0.05 down to 0.0005."""
    settings = Settings(**MACRO)
    assert [settings.rate_of(epoch) for epoch in (0, 10, 30, 70, 150)] == [0.05] * 5
    assert settings.rate_of(5) == pytest.approx((0.05 + 0.0005) / 2)
    assert settings.rate_of(20) == pytest.approx((0.05 + 0.0005) / 2)
    assert settings.rate_of(309) < 0.0006 and settings.epochs == 310


def test_a_controller_learns_to_draw_what_is_rewarded() -> None:
    """200 updates of 10 networks; a reward for one operation of one layer."""
    part = DecidedPart(0, (State((), ("a",)), State((), ("b",), ("s",))), ("x", "y", "z"))
    allowed: dict[str, list[Any]] = {"a": ["x", "y", "z"], "b": ["x", "y", "z"], "s": [0, 1]}
    one = AttentionController([part], allowed, Shape(tanh=2.5), torch.Generator().manual_seed(1))
    weights, uniforms = list(one.parameters()), torch.Generator().manual_seed(2)
    adam = ReferenceAdam(weights, 3.5e-3)
    for _ in range(200):
        drawn = one.draw(10, uniforms)
        rewards = torch.tensor([float(point["b"] == "y") + float(point["s"] == 1) for point in drawn.points])
        loss = -((rewards - rewards.mean()) * drawn.log_probs).mean()
        adam.step(torch.autograd.grad(loss, weights, materialize_grads=True))
    points = one.draw(200, uniforms).points
    assert sum(point["b"] == "y" for point in points) > 150
    assert sum(point["s"] == 1 for point in points) > 150


# --- the strategy -----------------------------------------------------------------------------------------------


def fitted(spec: str, strategy: str, folder: Path, window: str = "0:") -> tuple[Space, optuna.Study, Any]:
    space = space_of(spec).within(Window.parse(flops=window))
    sampler = make_strategy(strategy, space, seed=0)
    assert isinstance(sampler, SupportsInner) and isinstance(sampler.inner, SupportsFit)
    context = FitContext(folder=folder, images=MadeUpImages(64, 16, 4), identity={})
    found = sampler.inner.fit(context)
    assert found is not None
    sampler.inner.take_fit(found, folder)
    return space, optuna.create_study(sampler=sampler), found


@pytest.mark.parametrize(
    ("spec", "channels"), [(MACRO_SPEC, "channels=2"), ("pnas[width=4|6,depth=4]", "channels=2,cells=3")]
)
def test_the_best_of_the_drawn_networks_is_the_first_trial_and_random_ones_follow(
    spec: str, channels: str, tmp_path: Path
) -> None:
    space, study, found = fitted(spec, f"enas[{channels},{TINY}]", tmp_path)
    points = []
    for _ in range(3):
        trial = study.ask(space.distributions)
        points.append(space.canonical(trial.params))
        study.tell(trial, 0.5)
    errors = [one["error"] for one in found.facts["networks"]]
    assert errors == sorted(errors) and found.facts["derived"] == found.facts["networks"][0]["line"]
    assert space.canonical({**points[0], **found.facts["params"]}) == points[0]
    assert len({tuple(point.items()) for point in points}) == 3


def test_the_entropy_of_the_controller_is_told_after_every_epoch(tmp_path: Path) -> None:
    fitted(MACRO_SPEC, f"enas[channels=2,{TINY}]", tmp_path)
    told = [json.loads(line) for line in (tmp_path / fit.EPOCHS).read_text().splitlines() if line]
    most = 3 * math.log(3) + 3 * math.log(2)
    assert [one["epoch"] for one in told] == [1, 2, 3]
    assert all(0 < one["entropy"] <= most * (1 + 1e-6) for one in told)
    assert all("entropy" in one["line"] and 0 <= one["error"] <= 1 for one in told)


def test_networks_are_looked_for_inside_the_window(tmp_path: Path) -> None:
    space = make_space(MACRO_SPEC).on(Images(16, 4))
    flops = sorted(one.complexity.flops for one in space.sample(40))
    window = f"{flops[10]}:{flops[20]}"
    space, _, found = fitted(MACRO_SPEC, f"enas[channels=2,{TINY}]", tmp_path, window)
    assert space.judge(space.canonical(found.facts["params"])) is not None


def test_weights_that_are_no_numbers_end_the_fit_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="its loss is no finite number any more in epoch 1; lower rate=") as refusal:
        fitted(MACRO_SPEC, f"enas[channels=2,{TINY},rate=1000000.0]".replace("epochs=3", "epochs=30"), tmp_path)
    assert "\n" not in str(refusal.value)


def test_weights_that_the_last_step_made_no_numbers_are_said_though_no_loss_saw_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = torch.optim.SGD.step

    def spoiling(self: torch.optim.SGD, *more: Any) -> None:
        step(self, *more)
        self.param_groups[0]["params"][0].data.fill_(math.nan)

    monkeypatch.setattr(torch.optim.SGD, "step", spoiling)
    spec = f"enas[channels=2,{TINY}]".replace("batch=8", "batch=32").replace("epochs=3", "epochs=1")
    with pytest.raises(StudyError, match="its weights are no finite numbers any more in epoch 1; lower rate="):
        fitted(MACRO_SPEC, spec, tmp_path)


def test_a_controller_whose_weights_are_no_numbers_ends_the_fit_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Baseline, "advantage", lambda self, reward: math.nan)
    with pytest.raises(StudyError, match="its controller's weights are no finite numbers any more in epoch 1; lower"):
        fitted(MACRO_SPEC, f"enas[channels=2,{TINY}]", tmp_path)


@pytest.mark.parametrize(
    ("spec", "strategy", "said"),
    [
        ("regnetx", "enas", "has no such supernet; search enas, enas-macro"),
        ("enas-macro[form=final]", "enas", "in form=search"),
        ("enas-macro[layers=1,op=conv3]", "enas", "one network to choose"),
        ("enas", "enas[channels=3]", "even"),
        ("enas-macro", "enas[cells=8]", "has the size channels"),
        ("enas", "enas[statistics=none]", "one of batch, moving"),
        ("enas", "enas[samples=0]", "option samples of strategy enas is a number from 1"),
        ("enas", "enas[share=1.0]", "between 0 and 1"),
        ("enas", "enas[momentum=1.0]", "from 0 to below 1"),
        ("enas", "enas[paper=enas]", "no option 'paper'"),
        ("enas[normal_0_op_x=normal_0_op_y]", "enas", "leave"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_line(spec: str, strategy: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refusal:
        made(spec, strategy)
    assert "\n" not in str(refusal.value)


def test_defaults_are_the_authors_of_cells_and_of_layers_with_skips() -> None:
    for spec, usual in (("enas", MICRO), ("enas-macro", MACRO)):
        settings = inner(spec, "enas").fit_settings
        assert {name: settings[name] for name in usual} == usual
        assert (settings["rate"], settings["units"], settings["baseline"], settings["entropy"]) == (
            0.05,
            64,
            0.99,
            1e-4,
        )


# --- the benchmark ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_benchmark_of_shared_weights_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    from benchmarks import shared_weights

    asked = ["--space", "enas-macro[layers=3,filters=4]", "--data", "fake[training=60]", "--folder", str(tmp_path)]
    asked += ["--strategy", f"enas[channels=2,{TINY}]", "--epochs", "2", "--networks"]
    lines: list[str] = []
    shared_weights.measure(shared_weights.parser().parse_args([*asked, "2"]))
    kept = (tmp_path / "trained-2.jsonl").read_text()
    found = shared_weights.measure(shared_weights.parser().parse_args([*asked, "4"]), lines.append)
    assert (tmp_path / "trained-2.jsonl").read_text().startswith(kept)
    assert len(lines) == 5 and set(found) == {
        "shared weights, one batch",
        "shared weights, all images",
        "params (more is better)",
        "one epoch alone",
    }
