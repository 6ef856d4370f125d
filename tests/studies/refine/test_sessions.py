"""Proposals, and whole sessions: what proposes does not test, nothing is trained twice, the budget holds, errors are
controlled. Errors are made up, a function of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regnas
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import StudyError, UsageError
from regnas.sampling import keyed
from regnas.studies.refine.chain import Chain
from regnas.studies.refine.changes import OWN, Change, distances, read_own
from regnas.studies.refine.decision import BETTER, NO_WORSE, Look, chance_left, plan_test, sizes
from regnas.studies.refine.loop import run
from regnas.studies.refine.models import MODELS, PROPOSES, Drawn, Ledger, Model, Outcome
from regnas.studies.refine.proposals import changing, families, proposals
from regnas.studies.refine.rules import RefineRules
from regnas.studies.refine.scoring import LEAST, adjusted, score

Errors = Callable[[Drawn], float]


class World:
    """NAS-Bench-201's cells with made-up errors."""

    sd = 0.02

    def __init__(self) -> None:
        self.space: Space = regnas.space("nasbench201")
        self.trained: list[Drawn] = []

    def noise(self, one: Drawn) -> float:
        """A normal error around 0.3 that has nothing to do with the network."""
        return 0.3 + self.sd * float(keyed.generator("world", one.key).normal())

    def worse_without(self, name: str, value: Any, loss: float) -> Errors:
        """Networks without this value are worse by ``loss``."""
        return lambda one: self.noise(one) + (0.0 if one.candidate.params.get(name) == value else loss)

    def trainer(self, errors: Errors | None = None, fails: Callable[[Drawn], bool] = lambda one: False) -> Any:
        """One that remembers what it trained."""

        def train(drawn: Sequence[Drawn], done: Callable[[Drawn, Outcome], None]) -> None:
            for one in drawn:
                self.trained.append(one)
                error = (errors or self.noise)(one)
                done(one, Outcome(None, failure="told to fail") if fails(one) else Outcome(error, seconds=1.0))

        return train

    def session(
        self, trainer: Any, space: Space | None = None, own: Sequence[Change] = (), ledger: Any = None, **rules: Any
    ) -> Chain:
        """A whole session."""
        asked = {"budget": 200, "margin": 0.75 * self.sd, "repeats": 499, **rules}
        chain = Chain(RefineRules(**asked), Ledger() if ledger is None else ledger, trainer)
        run(chain, space or self.space, own)
        return chain

    def models(self, space: Space, count: int, errors: Errors | None = None, seed: int = 0) -> list[Model]:
        """Networks of a space that propose."""

        def made(candidate: Candidate) -> Model:
            drawn = Drawn(candidate.architecture.key(), candidate, space.spec, PROPOSES, 0)
            return Model(drawn, Outcome((errors or self.noise)(drawn)))

        return [made(one) for one in space.sample(count, seed=seed)]


@pytest.fixture
def world() -> World:
    """Cells, made-up errors, and sessions in memory."""
    return World()


RNG = np.random.default_rng


def _proposed(world: Any, spec: str, count: int = 40) -> dict[str, Any]:
    space = regnas.space(spec, flops="1M:2M", resolution=28, classes=10)
    models = world.models(space, count)
    return changing(space, proposals(space, models, adjusted(models, "flops"), RNG(0)))


def test_parameters_of_all_stages_are_families() -> None:
    assert families(regnas.space("anynetx-b"))["depth_#"] == ("depth_1", "depth_2", "depth_3", "depth_4")
    assert set(families(regnas.space("anynetx-b"))) == {"depth_#", "width_#", "group_width_#"}
    assert families(regnas.space("regnetx")) == {}


def test_stages_are_tied_and_ordered_and_ranges_narrowed(world: Any) -> None:
    found = _proposed(world, "anynetx-a")
    assert {"tie bottleneck_ratio_1,bottleneck_ratio_2,bottleneck_ratio_3,bottleneck_ratio_4"} <= set(found)
    assert {"family order of width", "family order of depth"} <= set(found)
    assert any(key.startswith("range width_") for key in found)
    assert any(key.startswith("values fix group_width_") for key in found)
    assert "family line of widths" not in found  # not before b and g are one for all stages


def test_the_line_of_widths_is_proposed_where_all_stages_share_b_and_g(world: Any) -> None:
    found = _proposed(world, "anynetx-c[bottleneck_ratio=1]")
    space = regnas.space("anynetx-c[bottleneck_ratio=1]", flops="1M:2M", resolution=28, classes=10)
    child = found["family line of widths"].apply(space)
    assert child.spec == "regnetx[bottleneck_ratio=1]"
    assert (child.images, child.window) == (space.images, space.window)


def test_operations_of_cells_are_dropped_on_one_edge_and_on_all(world: Any) -> None:
    models = world.models(world.space, 60)
    found = proposals(world.space, models, adjusted(models, "flops"), RNG(0))
    assert sum(key.startswith("values drop op_") for key in found) == 7  # of each edge, and of all at once
    cells = regnas.space("darts", resolution=32, classes=10)
    drawn = world.models(cells, 60)
    names = [str(one) for one in proposals(cells, drawn, adjusted(drawn, "flops"), RNG(0)).values()]
    assert any(name.startswith("normal_op=") or name.startswith("op=") for name in names)


def test_networks_of_the_child_are_at_distance_0_and_no_others(world: Any) -> None:
    space = regnas.space("anynetx-a", flops="1M:2M", resolution=28, classes=10)
    models = world.models(space, 40)
    for change in changing(space, proposals(space, models, adjusted(models, "flops"), RNG(0))).values():
        child = change.apply(space)
        far = distances(change, models, space)
        inside = [child.contains(one.params) for one in models]
        assert (far[inside] <= 1e-12).all() and (far[np.logical_not(inside)] > 1e-12).all(), str(change)


def test_what_matters_is_proposed_first(world: Any) -> None:
    errors = world.worse_without("op_13", "nor_conv_3x3", 2 * world.sd)
    found = score(world.space, world.models(world.space, 80, errors), complexity="flops", margin=0.01)
    assert str(found[0].change) == "op_13=nor_conv_3x3" and found[0].clear
    # The parent's mean is worse by the loss of the four fifths that do not have it; three standard errors either way.
    assert abs(found[0].gain - 0.8 * 2 * world.sd) < 3 * found[0].error


def test_few_networks_propose_nothing(world: Any) -> None:
    assert score(world.space, world.models(world.space, LEAST - 1), complexity="flops", margin=0.01) == []


def test_gains_are_estimated_on_networks_that_did_not_choose_the_values(world: Any) -> None:
    """Where nothing matters the best value of half of the networks gains nothing on the other half."""
    found = [
        one.gain / one.error
        for seed in range(12)
        for one in score(world.space, world.models(world.space, 40, seed=seed), complexity="flops", margin=0.01)
        if one.change.kind == "values"
    ]
    # Twelve samples of standard normal means: chosen on the same networks, the mean would be near 1.
    assert abs(float(np.mean(found))) < 0.4


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nobody=2", "mine, line 3: nasbench201 has no parameter or option 'nobody'"),
        ("op_01=conv9x9", "mine, line 3: op_01 is one of none, skip_connect"),
        ("nobody[x=2]", "mine, line 3: no space 'nobody'"),
        ("op_01", "mine, line 3: no space 'op_01'"),
        ("nasbench201", "mine, line 3: nasbench201 changes nothing of nasbench201; leave the line out"),
    ],
)
def test_a_change_of_a_person_that_makes_no_sense_is_named_with_its_line(world: Any, line: str, says: str) -> None:
    with pytest.raises((UsageError, LookupError), match=says):
        read_own(line, world.space, "mine, line 3")


def test_a_change_of_a_person_is_options_or_another_space() -> None:
    space = regnas.space("anynetx-c", flops="1M:2M", resolution=28, classes=10)
    assert read_own("order=width,depth=:8", space, "x").apply(space).spec == "anynetx-c[depth=:8,order=width]"
    assert read_own("regnetx[wm=2]", space, "x").apply(space).spec == "regnetx[wm=2]"


def _own(**options: str) -> Change:
    return Change(OWN, tuple(options), tuple(options.items()))


def test_what_proposed_a_change_never_tests_it_and_no_network_is_trained_twice(world: Any) -> None:
    chain = world.session(world.trainer(world.worse_without("op_13", "nor_conv_3x3", 2 * world.sd)))
    assert len(chain.tested) >= 2
    for step in chain.steps:
        assert not set(step.proposed_by) & {*step.tested_child, *step.tested_rest}
        assert not set(step.tested_child) & set(step.tested_rest)
    keys = [one.key for one in world.trained]
    assert len(keys) == len(set(keys)) == chain.spent <= chain.rules.budget


def test_planted_structure_is_found_and_networks_of_the_parent_are_used_again(world: Any) -> None:
    chain = world.session(world.trainer(world.worse_without("op_13", "nor_conv_3x3", 2 * world.sd)))
    first = chain.steps[0]
    assert (str(first.change), first.verdict, first.accepted) == ("op_13=nor_conv_3x3", BETTER, True)
    assert first.plan is not None and first.plan.share == pytest.approx(0.2, abs=0.05)
    assert chain.places[1].space.spec == "nasbench201[op_13=nor_conv_3x3]"
    assert any(step.reused > 0 for step in chain.steps[1:])


def test_a_session_is_a_function_of_its_trainings(world: Any) -> None:
    one, other = (world.session(world.trainer()) for _ in range(2))
    assert [step.to_json() for step in one.steps] == [step.to_json() for step in other.steps] and one.end == other.end


def test_trainings_that_are_there_are_not_done_again(world: Any) -> None:
    ledger = Ledger()
    first = world.session(world.trainer(), ledger=ledger)
    count = len(world.trained)
    again = world.session(world.trainer(), ledger=ledger)
    assert len(world.trained) == count and again.spent == first.spent


class Killed(BaseException):
    """What ends a process without a word."""


def test_a_session_that_was_cut_off_anywhere_goes_on_to_the_same_steps_and_trains_nothing_twice(
    world: Any, tmp_path: Path
) -> None:
    errors = world.worse_without("op_13", "nor_conv_3x3", 2 * world.sd)
    whole = world.session(world.trainer(errors), budget=160, steps=2)
    world.trained.clear()
    for more in (5, whole.spent // 2, whole.spent - 3, None):

        def dies(drawn: Any, done: Any, left: int | None = more) -> None:
            for one in drawn:
                if left is not None and len(world.trained) >= left:
                    raise Killed
                world.trainer(errors)([one], done)

        if more is not None:
            with pytest.raises(Killed):
                world.session(dies, budget=160, steps=2, ledger=Ledger(tmp_path))
            with (tmp_path / MODELS).open("a") as file:
                file.write('\n{"key": "cut o')
        else:
            ended = world.session(dies, budget=160, steps=2, ledger=Ledger(tmp_path))
    assert [step.to_json() for step in ended.steps] == [step.to_json() for step in whole.steps]
    assert len(world.trained) == len({one.key for one in world.trained}) == whole.spent


def test_a_change_that_loses_is_rejected_and_a_worse_one_ends_early(world: Any) -> None:
    errors = world.worse_without("op_01", "none", 3 * world.sd)
    chain = world.session(world.trainer(errors), own=[_own(op_01="skip_connect")], steps=1, budget=160)
    (step,) = chain.steps
    assert not step.accepted and step.verdict in ("worse", "cannot tell") and step.own
    assert chain.end == "1 steps were tested, which is what alpha was shared among"


def test_a_change_that_empties_the_window_costs_nothing(world: Any) -> None:
    space = regnas.space("anynetx-a", flops="1M:2M", resolution=28, classes=10)
    chain = world.session(world.trainer(), space, [_own(width="1000:1024")], budget=100, steps=1)
    first = chain.steps[0]
    assert (first.verdict, first.new, first.plan) == ("not tested", 0, None)
    assert "widen the window" in first.reason
    assert chain.level == chain.rules.share or chain.tested[0].plan.level == chain.rules.share


def test_a_test_that_the_budget_cannot_pay_is_not_begun(world: Any) -> None:
    chain = world.session(world.trainer(), own=[_own(op_01="none")], margin=0.001, budget=80)
    assert "further networks, and 60 are left of the budget" in chain.steps[0].reason
    assert chain.spent == 20 and "can be tested with 60 networks" in chain.end


def test_candidates_that_fail_are_counted_and_a_child_with_many_has_no_verdict(world: Any) -> None:
    fails = world.trainer(fails=lambda one: one.space != "nasbench201" and int(one.key, 16) % 4 == 0)
    chain = world.session(fails, own=[_own(op_01="none")], steps=1, margin=world.sd)
    (step,) = chain.steps
    assert (step.verdict, step.accepted) == ("no verdict", False) and "candidates of the child failed" in step.reason


def test_a_session_in_which_nothing_can_be_trained_says_why(world: Any) -> None:
    with pytest.raises(StudyError, match="the first 10 networks all failed: told to fail; mend that"):
        world.session(world.trainer(fails=lambda one: True))


def test_a_session_in_which_few_can_be_trained_proposes_nothing(world: Any) -> None:
    first = {one.architecture.key() for one in world.space.sample(1)}
    fails = world.trainer(fails=lambda one: len(world.trained) > 5 or one.key in first)
    with pytest.raises(StudyError, match="networks of nasbench201 could be trained, and proposing takes 12"):
        world.session(fails, budget=60)


def test_a_space_with_one_parameter_is_refused(world: Any) -> None:
    fixed = {f"op_{edge}": "none" for edge in ("01", "02", "12", "03", "13")}
    with pytest.raises(UsageError, match="at least two free parameters, and nasbench201.* has op_23; compare its"):
        world.session(world.trainer(), world.space.fix(**fixed))


def test_a_better_child_passes_its_level_on(world: Any) -> None:
    chain = world.session(world.trainer(world.worse_without("op_13", "nor_conv_3x3", 2 * world.sd)), steps=4)
    levels = [step.plan.level for step in chain.tested if step.plan is not None]
    assert chain.tested[0].verdict == BETTER
    assert levels[:2] == pytest.approx([0.05 / 4, 2 * 0.05 / 4])


@settings(deadline=None, max_examples=25)
@given(st.floats(0.001, 0.1), st.floats(0.005, 0.05), st.integers(0, 200), st.floats(0, 0.9))
def test_a_plan_takes_more_networks_the_more_errors_spread_and_fewer_the_more_there_are(
    sd: float, margin: float, parents: int, share: float
) -> None:
    rules = RefineRules(margin=margin)
    one, two = (plan_test(rules, level=0.01, share=share, sd=spread, parents=parents) for spread in (sd, 1.5 * sd))
    assert two.child >= one.child and two.new >= one.new
    assert plan_test(rules, level=0.01, share=share, sd=sd, parents=parents + 10).new <= one.new
    assert sizes(one)[-1] == (one.child, one.rest)


def test_hope_is_lost_where_the_trend_leads_beyond_the_margin() -> None:
    def at(estimate: float) -> Look:
        return Look(30, 30, 0.5, 0.001, estimate, 0.005, estimate - 0.01, estimate + 0.01, 0.5, 3, 1.0)

    assert chance_left(at(0.02), 0.01, 0.01) < 0.01 < 0.9 < chance_left(at(-0.02), 0.01, 0.01)
    assert at(-0.02).says(0.01) == NO_WORSE and at(0.02).says(0.01) == "worse"


@pytest.mark.slow
def test_sessions_rarely_accept_anything_as_better_where_nothing_is(world: Any) -> None:
    """60 sessions at 5 %: more than 9 have a chance of 0.2 % (binomial)."""
    found = 0
    for seed in range(60):
        chain = world.session(world.trainer(), seed=seed, steps=3)
        found += any(step.verdict == BETTER for step in chain.steps)
    assert found <= 9


@pytest.mark.slow
def test_most_sessions_find_what_is_planted_at_the_budget_that_they_print(world: Any) -> None:
    """At 80 %, fewer than 20 of 30 have a chance of 3 %."""
    margin = 0.75 * world.sd
    budget, found = RefineRules(margin=margin).budget_for(world.sd), 0
    for seed, name in zip(range(30), 5 * list(world.space.free), strict=True):
        errors = world.worse_without(name, "skip_connect", margin / 0.8)
        chain = world.session(world.trainer(errors), seed=seed, budget=budget)
        found += any(step.verdict == BETTER and f"{name}=skip_connect" in str(step.change) for step in chain.steps)
    assert found >= 20 and np.isfinite(budget)
