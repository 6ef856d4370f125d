"""The rules of scaling: how an architecture is made larger and smaller, where it can be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from regnas.architecture import Architecture, from_json
from regnas.costs import complexity_of
from regnas.errors import InvalidArchitecture, UsageError
from regnas.scaling import Rounding, Scaling, SupportsScaling, scale

_ROUNDINGS: tuple[Rounding, ...] = ("even", "up")


class ScalingRules:
    """The part of `regnas.testing.ArchitectureRules` that is about scaling; a kind that cannot be scaled passes."""

    resolution = 32

    def make(self, classes: int) -> Sequence[Architecture]:
        raise NotImplementedError

    def test_factors_of_one_change_nothing(self) -> None:
        for one in _scalable(self.make(4)):
            for rounding in _ROUNDINGS:
                made, pixels = scale(one, self.resolution, Scaling(rounding=rounding))
                assert (made, made.key(), pixels) == (one, one.key(), self.resolution)

    def test_what_it_scales_is_depth_width_or_both(self) -> None:
        for one in _scalable(self.make(4)):
            assert isinstance(one, SupportsScaling)
            assert set(one.scales) <= {"depth", "width"} and len(set(one.scales)) == len(one.scales)

    def test_a_scaled_network_is_one_of_its_kind_with_as_many_outputs(self) -> None:
        for one in _scalable(self.make(4)):
            for scaling in _scalings(one, (0.5, 1.7, 3.0)):
                made, _ = _scaled(one, self.resolution, scaling)
                assert made.kind == one.kind
                assert made.to_json().get("classes") == one.to_json().get("classes")
                assert from_json(made.to_json()) == made == one.scaled(scaling)  # type: ignore[attr-defined]

    def test_factors_above_one_do_not_make_it_cheaper_and_below_one_not_dearer(self) -> None:
        for one in _scalable(self.make(4)):
            own = complexity_of(one, self.resolution)
            for scaling in _scalings(one, (0.25, 4.0)):
                made, pixels = _scaled(one, self.resolution, scaling)
                assert pixels == self.resolution, "the resolution has a factor of its own"
                cost = complexity_of(made, pixels)
                for name in {"flops", "params", "activations"} & set(own):
                    small, large = sorted((own[name], cost[name]))
                    larger = max(scaling.depth, scaling.width) > 1
                    assert cost[name] == (large if larger else small), (name, scaling, one.to_json())

    def test_what_is_asked_for_are_as_many_numbers_as_there_are(self) -> None:
        for one in _scalable(self.make(4)):
            assert isinstance(one, SupportsScaling)
            own = one.asked(Scaling())
            for scaling in _scalings(one, (0.5, 3.0)):
                asked = one.asked(scaling)
                assert {name: len(values) for name, values in asked.items()} == {
                    name: len(values) for name, values in own.items()
                }
                assert all(math.isfinite(value) and value > 0 for values in asked.values() for value in values)

    def test_a_scaled_network_is_built_as_it_is_counted(self) -> None:
        for one in _scalable(self.make(4))[:2]:
            for scaling in _scalings(one, (2.0,)):
                made, pixels = _scaled(one, self.resolution, scaling)
                params = sum(parameter.numel() for parameter in made.build().parameters())
                assert params == complexity_of(made, pixels).get("params", params)

    def test_it_is_refused_what_it_does_not_scale(self) -> None:
        for one in _scalable(self.make(4)):
            assert isinstance(one, SupportsScaling)
            for name in {"depth", "width"} - set(one.scales):
                with pytest.raises(UsageError, match=f"cannot be scaled in {name}"):
                    scale(one, self.resolution, _by(name, 2.0))


def _scalable(networks: Sequence[Architecture]) -> list[Architecture]:
    return [one for one in networks if isinstance(one, SupportsScaling)]


def _scalings(one: Architecture, factors: Sequence[float]) -> list[Scaling]:
    """Each way that it can be scaled in alone, by each factor, rounded both ways."""
    assert isinstance(one, SupportsScaling)
    return [_by(name, factor, rounding) for name in one.scales for factor in factors for rounding in _ROUNDINGS]


def _by(name: str, factor: float, rounding: Rounding = "even") -> Scaling:
    """A scaling in depth or in width alone."""
    depth, width = (factor if name == one else 1.0 for one in ("depth", "width"))
    return Scaling(depth=depth, width=width, rounding=rounding)


def _scaled(one: Architecture, resolution: int, scaling: Scaling) -> tuple[Architecture, int]:
    try:
        return scale(one, resolution, scaling)
    except InvalidArchitecture as error:
        pytest.fail(f"{scaling} of a small network is one that there can be: {error}")
