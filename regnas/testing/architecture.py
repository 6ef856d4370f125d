"""The rules of architectures."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest
import torch

from regnas.architecture import Architecture, from_json
from regnas.costs import complexity_of
from regnas.counting import MEASURES
from regnas.errors import InvalidArchitecture, UsageError
from regnas.measure import load
from regnas.plugins import registry
from regnas.testing.counting import differences
from regnas.testing.network_rules.scaling import ScalingRules
from regnas.testing.network_rules.views import ViewRules

_ELSEWHERE = """
import json, sys
from regnas import describe
from regnas.architecture import from_json
network = from_json(json.load(sys.stdin))
network.complexity(32)
describe.summary(network), describe.tables(network, 32)
print(network.key(), "torch" in sys.modules)
"""


class ArchitectureRules(ViewRules, ScalingRules):
    """Subclass, and override `make`.

    Attributes:
        resolution: pixels of the images that the networks are built for here.
        odd_resolution: of other images, at which sizes are rounded on their way through the network.
        counted: costs by the rules of `regnas.counting`; leave out those that are counted otherwise on purpose.
    """

    resolution = 32
    odd_resolution = 33
    counted: tuple[str, ...] = MEASURES

    def make(self, classes: int) -> Sequence[Architecture]:
        """At least two different architectures with ``classes`` outputs, small ones, equal in every call."""
        raise NotImplementedError

    def test_kind_is_registered(self) -> None:
        for one in self.make(4):
            assert isinstance(one, Architecture)
            assert one.kind in registry.installed("architecture")
            assert isinstance(one.schema, int) and one.schema >= 1

    def test_json_is_plain_and_reads_back(self) -> None:
        for one in self.make(4):
            value = one.to_json()
            assert (value["kind"], value["schema"]) == (one.kind, one.schema)
            read = json.loads(json.dumps(value, allow_nan=False))
            assert read == value
            assert from_json(read) == one
            assert from_json(read).key() == one.key()

    def test_json_of_another_schema_or_with_an_unknown_key_is_refused(self) -> None:
        value = self.make(4)[0].to_json()
        for wrong in ({"schema": 999}, {"no such key": 1}):
            with pytest.raises(InvalidArchitecture):
                from_json({**value, **wrong})

    def test_equal_architectures_have_equal_keys_and_others_do_not(self) -> None:
        first, again = self.make(4), self.make(4)
        assert list(first) == list(again)
        assert [one.key() for one in first] == [one.key() for one in again]
        keys = {one.key() for one in [*first, *self.make(5)]}
        assert len(keys) == 2 * len(first) >= 4

    def test_key_is_the_same_in_another_process_and_describing_needs_no_torch(self) -> None:
        one = self.make(4)[0]
        run = subprocess.run(
            [sys.executable, "-c", _ELSEWHERE],
            input=json.dumps(one.to_json()),
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": "1"},
        )
        assert run.stdout.split() == [one.key(), "False"], run.stderr

    def test_complexity_is_positive_numbers_of_installed_measures(self) -> None:
        for one in self.make(4):
            small, large = (complexity_of(one, size) for size in (self.resolution, 2 * self.resolution))
            assert small and set(small) == set(large)
            for name, number in small.items():
                kind = int if load(name).whole else float
                assert type(number) is kind and 0 < number < math.inf, f"{name} is {number!r}"
            assert small.get("params") == large.get("params")
            for name in {"flops", "activations"} & set(small):
                assert small[name] <= large[name], name

    @pytest.mark.parametrize("classes", [2, 5])
    def test_network_maps_images_to_logits(self, classes: int) -> None:
        for one in self.make(classes):
            network = one.build().eval()
            with torch.no_grad():
                logits = network(torch.rand(2, 3, self.resolution, self.resolution))
            assert logits.shape == (2, classes)
            assert torch.isfinite(logits).all()

    def test_complexity_is_what_hooks_count_on_the_network(self) -> None:
        wrong, reasons = [], []
        for one in self.make(4):
            try:
                network = one.build()
            except UsageError as reason:  # such as a point of a table
                reasons.append(str(reason))
                continue
            for resolution in (self.resolution, self.odd_resolution):
                wrong += differences(one, network, resolution, self.counted)
        assert not wrong, "\n".join(wrong)
        if reasons:
            pytest.skip(f"{len(reasons)} of the architectures cannot be built: {reasons[0]}")

    def test_initial_weights_follow_the_seed_of_torch(self) -> None:
        one = self.make(4)[0]
        states = []
        for seed in (0, 0, 1):
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                states.append(torch.cat([p.detach().flatten() for p in one.build().parameters()]))
        assert torch.equal(states[0], states[1])
        assert not torch.equal(states[0], states[2])

    def test_every_parameter_learns(self) -> None:
        for one in self.make(4):
            network = one.build().train()
            network(torch.rand(4, 3, self.resolution, self.resolution)).square().sum().backward()
            assert [name for name, p in network.named_parameters() if p.grad is None] == []
