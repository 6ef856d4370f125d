"""What `Space` gives a subclass that says only its dimensions and how a point decodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial

from regnas.cli.networks.describe import _print_report
from regnas.design_space import Images, Params, Space
from regnas.dimension import Choice, Dimension, LogUniform, Uniform
from regnas.errors import InfeasibleWindow, InvalidArchitecture, PluginBroken, UsageError
from regnas.sampling.batch import NO_NETWORK, DecodedOneByOne
from regnas.sampling.stream import survey
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.design.describe import describe_point, feasibility
from regnas.window import Window


@dataclass(frozen=True, kw_only=True)
class OneStage(Space):
    """One stage of X blocks; widths that groups do not divide are no networks, and 40 channels are forbidden."""

    name: str = "one-stage"
    laws: tuple[tuple[str, Dimension], ...] = (
        ("width", LogUniform(8, 64, 8)),
        ("group", Choice((8, 16))),
        ("squeeze", Uniform(0.0, 1.0, 0.25)),
        ("activation", Choice(("relu", "silu"))),
        ("depth", Choice((1,))),
    )

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        return {name: law for name, law in self.laws if name not in dict(self.ties)}

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def decode(self, params: Params) -> Staged:
        return Staged(
            depths=(params["depth"],),
            widths=(params["width"],),
            strides=(2,),
            group_widths=(params["group"],),
            se_ratio=params["squeeze"],
            activation=params["activation"],
            classes=self.classes,
        )

    def member(self, params: Params) -> str | None:
        return "forty channels" if params["width"] == 40 else None


@dataclass(frozen=True, kw_only=True)
class Misspelt(OneStage):
    def decode(self, params: Params) -> Staged:
        return super().decode({**params, "width": params["widht"]})


SPACE = OneStage().on(Images(resolution=32, classes=10))
POINT = {"width": 32, "group": 16, "squeeze": 0.25, "activation": "silu", "depth": 1}


def test_draws_are_decoded_one_by_one_and_what_is_no_network_is_counted_by_reason() -> None:
    columns = {
        "width": np.array([8, 40, 32, 24]),
        "group": np.array([8, 8, 16, 16]),
        "squeeze": np.array([0.0, 0.0, 0.25, 0.0]),
        "activation": np.array(["relu", "relu", "silu", "relu"]),
        "depth": np.array([1, 1, 1, 1]),
    }
    batch = SPACE.batch(columns)
    assert batch.rows.tolist() == [0, 2]
    assert dict(batch.rejected) == {"forty channels": 1, NO_NETWORK: 1}
    assert isinstance(batch, DecodedOneByOne)
    assert batch.refusal.startswith("the bottleneck width is a multiple of the group width, got width 24, ")
    assert batch.architecture(1) == SPACE.decode(POINT)
    assert batch.complexity(32).row(1) == SPACE.decode(POINT).complexity(32)


def test_a_batch_without_networks_has_no_complexities() -> None:
    columns = {name: np.array([POINT[name]]) for name in POINT} | {"width": np.array([40])}
    assert SPACE.batch(columns).complexity(32).networks == 0


def test_drawn_columns_hold_every_parameter_fixed_ones_too() -> None:
    columns = SPACE.draw(np.random.default_rng(0), 50)
    assert list(columns) == list(SPACE.dimensions)
    for name, law in SPACE.dimensions.items():
        assert all(law.contains(value) for value in columns[name].tolist())
    assert set(columns["depth"].tolist()) == {1}


def test_parameters_are_drawn_independently() -> None:
    """No pair of parameters agrees more often than chance: 5 standard errors at 20,000 draws of a fixed seed."""
    columns = SPACE.draw(np.random.default_rng(4), 20_000)
    wide, silu = columns["width"] > 24, columns["activation"] == "silu"
    expected = wide.mean() * silu.mean()
    assert abs((wide & silu).mean() - expected) < 5 * (expected * (1 - expected) / 20_000) ** 0.5


def test_a_point_is_completed_with_what_is_fixed() -> None:
    assert SPACE.complete({name: POINT[name] for name in ("activation", "group", "squeeze", "width")}) == POINT
    assert list(SPACE.complete({**POINT, "width": np.int64(32)})) == list(SPACE.dimensions)
    assert type(SPACE.complete({**POINT, "width": np.int64(32)})["width"]) is int


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wide": 8}, "one-stage has no parameter wide; it has width, group, squeeze, activation, depth"),
        ({"width": True}, "width is a number or a name, got True"),
        ({"width": [8]}, r"width is a number or a name, got \[8\]"),
        ({"squeeze": float("nan")}, "squeeze is a finite number, got nan"),
    ],
)
def test_what_is_no_point_is_named_with_its_value(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SPACE.complete({**POINT, **change})


def test_missing_parameters_are_named() -> None:
    with pytest.raises(UsageError, match="one-stage needs a value for group, activation$"):
        SPACE.complete({"width": 8, "squeeze": 0})


def test_a_canonical_point_is_the_nearest_of_the_grid() -> None:
    near = {"width": 30.7, "group": 13, "squeeze": 0.3, "activation": "silu"}
    assert SPACE.canonical(near) == POINT
    assert SPACE.canonical(POINT) == POINT


def test_contains_heeds_ranges_and_rules_but_not_the_window() -> None:
    assert SPACE.contains(POINT)
    assert SPACE.within(Window.parse(flops="1:2")).contains(POINT)
    assert not SPACE.contains({**POINT, "width": 40})
    assert not SPACE.contains({**POINT, "width": 72})
    assert not SPACE.contains({**POINT, "depth": 2})


def test_judging_a_point_gives_its_candidate_or_none_outside_space_and_window() -> None:
    candidate = SPACE.judge(POINT)
    assert candidate is not None
    assert candidate.params == POINT
    assert candidate.architecture == SPACE.decode(POINT)
    assert candidate.complexity == candidate.architecture.complexity(32)
    flops = candidate.complexity.flops
    assert SPACE.within(Window.parse(flops=f"{flops}:{flops}")).judge(POINT) == candidate
    assert SPACE.within(Window.parse(flops=f"{flops + 1}:")).judge(POINT) is None
    assert SPACE.judge({**POINT, "width": 40}) is None
    assert SPACE.judge({**POINT, "width": 24}) is None  # 24 channels in groups of 16


def test_distributions_are_those_of_the_free_parameters() -> None:
    assert SPACE.distributions == {
        "width": IntDistribution(8, 64, log=True),
        "group": IntDistribution(8, 16, log=True),
        "squeeze": FloatDistribution(0.0, 1.0, step=0.25),
        "activation": CategoricalDistribution(("relu", "silu")),
    }


def test_an_optuna_trial_suggests_an_architecture() -> None:
    trial = FixedTrial({"width": 30, "group": 16, "squeeze": 0.25, "activation": "silu"})
    assert SPACE.suggest(trial) == SPACE.decode(POINT)  # type: ignore[arg-type]


def test_a_trial_outside_the_window_is_pruned_and_told_of_the_sampler_that_stays_inside() -> None:
    trial = FixedTrial({"width": 40, "group": 16, "squeeze": 0.25, "activation": "silu"})
    with pytest.raises(optuna.TrialPruned, match="outside one-stage or its window open; use FeasibleSampler"):
        SPACE.suggest(trial)  # type: ignore[arg-type]


def test_a_mutation_changes_at_most_one_free_parameter_and_reaches_them_all() -> None:
    rng = np.random.default_rng(5)
    changed: set[str] = set()
    for _ in range(300):
        moved = SPACE.mutate(POINT, rng)
        assert SPACE.canonical(moved) == moved
        different = {name for name in POINT if moved[name] != POINT[name]}
        assert len(different) <= 1
        changed |= different
    assert changed == {"width", "group", "squeeze", "activation"}


def test_a_space_without_free_parameters_mutates_to_itself() -> None:
    fixed = SPACE.fix(width=8, group=8, squeeze=0, activation="relu")
    point = fixed.canonical({})
    assert fixed.mutate(point, np.random.default_rng(0)) == point


def test_its_stream_holds_networks_inside_the_window_each_once() -> None:
    low, high = 300_000, 2_000_000
    space = SPACE.within(Window.parse(flops=f"{low}:{high}"))
    found = space.sample(20, seed=3)
    assert len({candidate.architecture for candidate in found}) == 20
    assert all(low <= candidate.complexity.flops <= high for candidate in found)
    assert all(space.judge(candidate.params) is not None for candidate in found)


def test_all_its_networks_are_found() -> None:
    """8 widths of groups of 8 without 40, 4 of groups of 16; squeeze 0 to 1 in quarters; two activations."""
    assert len(SPACE.sample(11 * 5 * 2)) == 110


def test_its_spec_lists_what_was_derived() -> None:
    assert SPACE.spec == "one-stage"
    assert SPACE.fix(width=[8, 16]).narrow(squeeze=(0, 0.5)).spec == "one-stage[squeeze=0:0.5,width=8|16]"
    assert SPACE.fix(width="group").complete({"group": 16, "squeeze": 0, "activation": "relu"})["width"] == 16


def test_a_space_without_options_names_its_parameters() -> None:
    with pytest.raises(UsageError, match="one-stage has no parameter or option 'block'; its parameters are width, "):
        SPACE.fix(block="v")


def test_a_survey_counts_every_draw_once() -> None:
    tally = survey(SPACE.within(Window.parse(flops="1M:")), draws=3000)
    assert tally.drawn == 3000
    assert tally.accepted + sum(tally.rejected.values()) == 3000  # one bound: no draw breaks two
    assert {"forty channels", NO_NETWORK, "flops below 1M"} == set(tally.rejected)
    assert tally.rate == tally.accepted / 3000
    assert tally.lowest["flops"] < 1_000_000 < tally.highest["flops"]


def test_where_no_draw_is_a_network_the_message_has_what_was_said_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OneStage, "patience", 200)
    said = r"^none of 256 draws is a network of .*: rejected by values that no network can have 100.00% \(the first: "
    with pytest.raises(InfeasibleWindow, match=f"{said}the bottleneck width .*, got width 24, .*; relax the options"):
        SPACE.fix(width=24, group=16).sample(1)


def test_describe_says_so_as_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(OneStage, "patience", 200)
    report = feasibility(SPACE.fix(width=24, group=16))
    assert report["accepted"] == 0 and report["examples"][NO_NETWORK].startswith("(the first: the bottleneck width ")
    _print_report(report, as_json=False)
    said = capsys.readouterr().out
    assert f"{NO_NETWORK} (the first: the bottleneck width " in said and "got width 24" in said
    assert "no draw is a network of the space, window or not: relax the options of the space" in said
    outside = feasibility(SPACE.within(Window.parse(flops="1T:")))
    _print_report(outside, as_json=False)
    said = capsys.readouterr().out
    assert "examples" not in outside and "no draw lies inside: widen the window or change --resolution" in said


def test_what_few_draws_are_refused_for_is_not_said() -> None:
    tally = survey(SPACE, draws=3000)
    assert tally.refusal and "the first" not in tally.reasons() and f"{NO_NETWORK} " in tally.reasons()


@pytest.mark.parametrize(
    "ask",
    [
        lambda space: space.sample(1),
        lambda space: space.judge(POINT),
        lambda space: space.contains(POINT),
        lambda space: describe_point(space, POINT),
    ],
    ids=["sample", "judge", "contains", "describe"],
)
def test_a_mistake_in_decode_names_the_space(ask: Callable[[Space], object]) -> None:
    said = r"^decode of the space 'one-stage' raised KeyError at a point: 'widht'; repair it \(--debug shows where\)$"
    with pytest.raises(PluginBroken, match=said) as caught:
        ask(Misspelt())
    assert isinstance(caught.value.__cause__, KeyError)


def test_invalid_architectures_are_the_users_errors() -> None:
    with pytest.raises(InvalidArchitecture):
        SPACE.decode({**POINT, "width": 24})
