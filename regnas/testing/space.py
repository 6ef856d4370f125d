"""The rules of search spaces."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest

from regnas.architecture import Architecture
from regnas.candidate import Candidate
from regnas.costs import complexity_of
from regnas.design_space import Params, Space, make_space
from regnas.dimension import Choice
from regnas.errors import RegnasWarning, UsageError
from regnas.measure import installed, load
from regnas.plugins import registry
from regnas.sampling.batch import NO_NETWORK
from regnas.sampling.stream import survey
from regnas.system.optuna_internals import contains
from regnas.window import Bounds, Window


class SpaceRules:
    """Subclass, and override `make`.

    Attributes:
        resolution: pixels of the images that one small network is built for here.
    """

    resolution = 32

    def make(self) -> Space:
        """The space, at any resolution and inside any window that holds thousands of networks."""
        raise NotImplementedError

    # --- what it is -----------------------------------------------------------------------------------------

    def test_what_it_says_of_the_resolution_is_a_line_or_nothing(self) -> None:
        said = self.make().sees()
        assert not said or said.isprintable()

    def test_distributions_are_static(self) -> None:
        space = self.make()
        assert space.distributions == self.make().distributions
        assert space.distributions == space.within(Window({space.known_costs[0]: Bounds(high=1.0)})).distributions
        assert set(space.distributions) <= set(space.dimensions)
        assert space.distributions, "nothing to search: every parameter is fixed"

    def test_distributions_hold_every_sample(self) -> None:
        space = self.make()
        for candidate in space.sample(50):
            for name, law in space.distributions.items():
                assert contains(law, law.to_internal_repr(candidate.params[name])), (name, candidate.params)

    def test_a_registered_space_is_its_spec(self) -> None:
        space = self.make()
        if space.name in registry.installed("space"):
            again = make_space(space.spec).on(space.images).within(space.window)
            assert again == space
            assert [one.params for one in again.sample(5)] == [one.params for one in space.sample(5)]

    def test_a_key_that_it_does_not_have_is_refused(self) -> None:
        with pytest.raises(UsageError):
            self.make().fix(no_such_parameter=1)
        with pytest.raises(UsageError):
            self.make().complete({"no such parameter": 1})

    # --- sampling -------------------------------------------------------------------------------------------

    def test_equal_seeds_give_equal_samples_and_others_do_not(self) -> None:
        first, again, other = (self.make().sample(10, seed=seed) for seed in (0, 0, 1))
        assert first == again
        assert [one.params for one in first] != [one.params for one in other]

    def test_a_small_sample_begins_a_large_one(self) -> None:
        space = self.make()
        large = space.sample(40)
        assert space.sample(7) == large[:7]
        assert [one.index for one in large] == list(range(40))
        assert min(one.draws for one in large) >= 1

    def test_samples_are_different_networks_of_the_space(self) -> None:
        space = self.make()
        sample = space.sample(40)
        assert len({one.architecture.key() for one in sample}) == 40
        for one in sample:
            assert isinstance(one.architecture, Architecture)
            assert space.contains(one.params)
            assert one.complexity == complexity_of(one.architecture, space.resolution)

    def test_a_sample_decodes_to_its_architecture(self) -> None:
        space = self.make()
        for one in space.sample(20):
            assert space.decode(one.params) == one.architecture
            judged = space.judge(one.params)
            assert judged is not None
            assert (judged.architecture, judged.complexity) == (one.architecture, one.complexity)

    def test_every_sample_lies_in_the_window(self) -> None:
        space = self.make()
        costs = [one.complexity for one in space.sample(40)]
        for name in space.known_costs:
            values = sorted(cost[name] for cost in costs)
            bounds = Bounds(float(values[10]), float(values[30]))
            windowed = space.within(space.window | {name: bounds})
            found = [one.complexity[name] for one in windowed.sample(10)]
            assert values[10] <= min(found) and max(found) <= values[30], name

    def test_a_network_outside_the_window_is_judged_so(self) -> None:
        space = self.make()
        one = space.sample(1)[0]
        for window in _too_small(space, one):
            assert space.within(window).judge(one.params) is None

    def test_its_networks_cost_what_it_says_that_they_do(self) -> None:
        space = self.make()
        assert space.known_costs, "it knows no cost in closed form, so nothing of it can be limited"
        for name in space.known_costs:
            assert load(name).name == name
            assert all(math.isfinite(one.complexity[name]) for one in space.sample(10))

    def test_a_limit_on_what_it_does_not_know_is_refused(self) -> None:
        space = self.make()
        for name in set(installed()) - set(space.known_costs):
            if load(name).closed:
                with pytest.raises(UsageError, match=name):
                    space.within(Window({name: Bounds(high=1.0)}))

    def test_no_more_than_half_of_the_points_are_refused_by_decode(self) -> None:
        """Of 200 draws, window or not. What `member` and `admits` reject is a rule of the space; few left are a remark.

        Of the built-in spaces none refuses a point in `decode`, and RegNet's rules leave 8 % to 23 % of the draws.
        """
        space = self.make().within(Window())
        tally = survey(space, draws=200)
        assert tally.rejected[NO_NETWORK] <= 0.5 * tally.drawn, (
            f"decode raises InvalidArchitecture at {tally.rejected[NO_NETWORK] / tally.drawn:.0%} of the points (the "
            f"first: {tally.refusal}): let dimensions or conditions leave them out, or let member() say why"
        )
        if tally.accepted < 0.02 * tally.drawn:
            warnings.warn(
                f"{tally.accepted} of {tally.drawn} draws are networks of {space.spec}, rejected by {tally.reasons()}: "
                f"searches will be slow; narrower dimensions, conditions or a narrowing would help",
                RegnasWarning,
                stacklevel=2,
            )

    # --- points ---------------------------------------------------------------------------------------------

    def test_canonical_points_stay_as_they_are(self) -> None:
        space = self.make()
        for one in space.sample(20):
            assert space.canonical(one.params) == one.params
        for point in _loose_points(space, 50):
            canonical = space.canonical(point)
            assert space.canonical(canonical) == canonical

    def test_parameters_that_are_fixed_may_be_left_out(self) -> None:
        space = self.make()
        for one in space.sample(5):
            assert space.canonical({name: one.params[name] for name in space.distributions}) == one.params

    def test_suggest_gives_the_network_of_a_trial(self) -> None:
        space = self.make()
        one = space.sample(1)[0]
        chosen = {name: one.params[name] for name in space.distributions}
        assert space.suggest(_fixed_trial(chosen)) == one.architecture
        with pytest.raises(optuna.TrialPruned):
            space.within(_too_small(space, one)[0]).suggest(_fixed_trial(chosen))

    def test_a_mutation_changes_at_most_one_parameter(self) -> None:
        space = self.make()
        rng = np.random.default_rng(0)
        changed = 0
        for one in space.sample(30):
            mutant = space.mutate(one.params, rng)
            assert space.canonical(mutant) == mutant
            assert _one_change(space, one.params, mutant), (one.params, mutant)
            changed += mutant != one.params
        assert changed >= 10

    def test_mutations_follow_their_generator(self) -> None:
        space = self.make()
        parents = [one.params for one in space.sample(10)]
        first, again, other = (
            [space.mutate(parent, rng) for parent in parents]
            for rng in (np.random.default_rng(seed) for seed in (0, 0, 1))
        )
        assert first == again != other

    def test_neighbours_are_other_canonical_points_in_a_fixed_order(self) -> None:
        space = self.make()
        found = 0
        for one in space.sample(20):
            near = space.neighbours(one.params)
            assert near == self.make().neighbours(one.params)
            assert one.params not in near
            assert len({tuple(point.items()) for point in near}) == len(near)
            assert all(space.canonical(point) == point for point in near)
            found += len(near)
        assert found, "no point has a neighbour"

    def test_equal_uniforms_are_equal_points(self) -> None:
        space = self.make()
        uniforms = np.random.default_rng(0).random((len(space.distributions), 20))
        columns, again = space.at(uniforms), self.make().at(uniforms)
        assert list(columns) == [*space.dimensions, *dict(space.ties)]
        for name, values in columns.items():
            assert values.shape == (20,)
            assert values.tolist() == again[name].tolist()

    # --- conditional parameters -----------------------------------------------------------------------------

    def test_conditions_say_what_is_active(self) -> None:
        space = self.make()
        assert set(space.conditions) <= {*space.dimensions, *dict(space.ties)}
        (space.root or space).hierarchy.check()
        for one in space.sample(20):
            active = space.active(one.params)
            for name, condition in () if space.ties else space.conditions.items():  # what is tied gives more reasons
                met = condition.parent in active and one.params[condition.parent] in condition.values
                assert (name in active) == met, (name, one.params)
            assert set(one.params) - set(active) <= set(space.conditions)

    def test_what_is_inactive_does_not_change_the_network(self) -> None:
        space = self.make()
        for one in space.sample(20):
            active = space.active(one.params)
            assert space.canonical({name: active[name] for name in space.distributions if name in active}) == one.params
            for name in set(space.distributions) - set(active):
                for value in space.dimensions[name].levels(5):
                    other = {**one.params, name: value}
                    assert space.decode(other) == one.architecture, f"{name} is inactive in {one.params}"
                    assert space.canonical(other) == one.params
                    assert space.contains(other) == (value == one.params[name])

    def test_conditions_are_met_as_often_as_the_laws_say(self) -> None:
        """Within 5 standard errors at 20,000 draws, where parameters are drawn independently."""
        space = self.make()
        if not space.conditions or space.ties or type(space).ordered is not Space.ordered:
            return
        found = space.hierarchy.where(space.draw(np.random.default_rng(0), 20_000))
        for name, active in found.items():
            expected = _chance(space, name)
            assert abs(active.mean() - expected) <= 5 * (expected * (1 - expected) / 20_000) ** 0.5 + 1e-3, name

    # --- derived spaces -------------------------------------------------------------------------------------

    def test_any_parameter_can_be_fixed(self) -> None:
        space = self.make()
        one, *others = space.sample(10)
        for name in space.distributions:
            fixed = space.fix(**{name: one.params[name]})
            assert name not in fixed.distributions
            assert fixed.contains(one.params)
            assert not any(fixed.contains(other.params) for other in others if other.params[name] != one.params[name])
            assert {found.params[name] for found in fixed.sample(3)} == {one.params[name]}
            if space.name in registry.installed("space"):
                assert make_space(fixed.spec).distributions == fixed.distributions

    def test_any_range_can_be_narrowed(self) -> None:
        space = self.make()
        sample = space.sample(20)
        for name in space.distributions:
            values = sorted({one.params[name] for one in sample}, key=str)
            if not all(isinstance(value, int | float) for value in values) or len(values) < 2:
                continue
            low, high = min(values), max(values)
            try:
                narrowed = space.narrow(**{name: (low, high)})
            except UsageError:
                continue  # a choice, not a range
            assert all(low <= one.params[name] <= high for one in narrowed.sample(10))

    def test_equal_parameters_can_be_tied(self) -> None:
        space = self.make()
        free = {name: law for name, law in space.dimensions.items() if name in space.distributions}
        pairs = [(one, other) for one in free for other in free if one != other and free[one] == free[other]]
        for one, other in pairs[:2]:
            tied = space.fix(**{one: other})
            assert set(tied.distributions) == set(space.distributions) - {one}
            for candidate in tied.sample(5):
                assert candidate.params[one] == candidate.params[other]
                assert tied.canonical({name: candidate.params[name] for name in tied.distributions}) == candidate.params

    # --- images ---------------------------------------------------------------------------------------------

    def test_networks_have_the_classes_of_the_data_set(self) -> None:
        import torch

        space = self.make()
        images = replace(space.images, resolution=self.resolution, classes=7)
        sample = space.within(Window()).on(images).sample(100)
        smallest = min(sample, key=lambda one: one.complexity.params)
        network = smallest.architecture.build().eval()
        with torch.no_grad():
            assert network(torch.rand(1, 3, self.resolution, self.resolution)).shape == (1, 7)


def _loose_points(space: Space, count: int) -> Sequence[Params]:
    """Points of the encoding, as a sampler that knows nothing of the space draws them."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [study.ask(space.distributions).params for _ in range(count)]


def _too_small(space: Space, one: Candidate) -> list[Window]:
    """A window on each cost that is known in closed form, which a candidate is just too large for."""
    return [Window({name: Bounds(high=one.complexity[name] - 1e-6)}) for name in space.known_costs]


def _fixed_trial(params: Params) -> Any:
    return optuna.trial.FixedTrial(params)


def _one_change(space: Space, before: Params, after: Params) -> bool:
    """Whether ``after`` is ``before`` with one parameter set to another value, made canonical.

    What that made active may have any value.
    """
    values = [value for value in after.values() if isinstance(value, str) or math.isfinite(value)]
    if before == after:
        return True
    new = {name: value for name, value in space.active(after).items() if name not in space.active(before)}
    for name, law in space.dimensions.items():
        further = law.levels(len(values)) if isinstance(law, Choice) else []  # what one form of several does not show
        for value in dict.fromkeys([*values, *further]):
            if law.contains(value) and space.canonical({**before, **new, name: value}) == after:
                return True
    return False


def _chance(space: Space, name: str) -> float:
    """The probability that a parameter is active under the law."""
    condition = space.conditions.get(name)
    if condition is None:
        return 1.0
    drawn = space.dimensions[condition.parent].draw((np.arange(10_000) + 0.5) / 10_000).tolist()
    return _chance(space, condition.parent) * sum(value in condition.values for value in drawn) / len(drawn)
