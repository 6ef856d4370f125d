"""The rules of measures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from regnas.architecture import Architecture
from regnas.costs import complexity_of
from regnas.design_space import Images
from regnas.measure import Measure, find, load
from regnas.plugins import registry
from regnas.testing.network_rules.small_network import SmallNetwork
from regnas.window import Bounds, Window


class MeasureRules:
    """Subclass, and override `make`, and `networks` where the measure is a closed form of one family.

    Attributes:
        images: what a measured one measures networks for.
        device: where it does.
    """

    images = Images(resolution=32, classes=4)
    device = "cpu"

    def make(self) -> Measure:
        """The measure, equal in every call."""
        raise NotImplementedError

    def networks(self) -> Sequence[Architecture]:
        """At least two different networks that have it, equal in every call."""
        return [SmallNetwork((8, 16)), SmallNetwork((8, 24))]

    def test_it_is_registered_under_its_name(self) -> None:
        one = self.make()
        assert one == self.make() and one.name in registry.installed("measure")
        assert load(one.name) == one == find(one.name) == find(one.short)
        assert one.unit.strip(), "what are its numbers in?"

    def test_limits_on_it_read_back(self) -> None:
        one = self.make()
        window = Window.parse(limits={one.name: "0.5:1.5M"})
        assert window == Window({one.name: Bounds(0.5, 1.5e6)}) == Window.parse(limits=[f"{one.short}=0.5:1.5M"])
        assert Window.read(str(window)) == window

    def test_its_numbers_are_finite_and_the_same_again(self) -> None:
        one = self.make()
        for network, again in zip(self.networks(), self.networks(), strict=True):
            value = self._of(one, network)
            assert type(value) is (int if one.whole else float) and math.isfinite(value) and value >= 0
            assert self._of(one, again) == value, "what varies from one measurement to the next is its own to keep"

    def _of(self, one: Measure, network: Architecture) -> float:
        if one.measured_by is None:
            return complexity_of(network, self.images.resolution)[one.name]
        return one.measured_by(network, self.images, self.device)
