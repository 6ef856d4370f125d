"""The rules of fits, supernets and relaxations."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from regnas import fit
from regnas.design_space import Space
from regnas.errors import StudyError, UsageError
from regnas.fit import FitContext, Fitted, SupportsFit
from regnas.supernet import Module, Relaxation, Supernet, SupportsRelaxation, SupportsSupernet, WeighsEdges


class MadeUpImages:
    """`regnas.fit.FitImages` of noise in which each class is brighter than the one before.

    Args:
        count: of images.
        resolution: pixels of a side.
    """

    def __init__(self, count: int, resolution: int, classes: int) -> None:
        drawn = torch.Generator().manual_seed(0)
        self.classes = classes
        self.labels = torch.arange(count) % classes
        self._images = torch.randn(count, 3, resolution, resolution, generator=drawn) + self.labels.view(-1, 1, 1, 1)

    def batch(self, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        mirrored = torch.rand(3, len(rows), generator=generator)[2] < 0.5
        images = self._images[rows]
        return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images), self.labels[rows]

    def plain(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self._images[rows], self.labels[rows]


class FitRules:
    """Subclass, and override `make`.

    Attributes:
        count: training images of the fit, and
        resolution, classes: theirs.
    """

    count, resolution, classes = 64, 16, 4

    def make(self) -> SupportsFit:
        """A new one, before its fit, of three epochs or more; equal each time."""
        raise NotImplementedError

    def other(self) -> SupportsFit:
        """One with other settings."""
        raise NotImplementedError

    def space(self) -> Space | None:
        """Whose networks it is fitted for, where it has to be told: on `resolution` and `classes`."""
        return None

    def test_settings_are_plain_json_and_of_the_fit_alone(self) -> None:
        settings = self.make().fit_settings
        assert json.loads(json.dumps(settings)) == settings == self.make().fit_settings
        assert settings != self.other().fit_settings

    def test_too_few_images_are_refused_before_anything_is_trained(self) -> None:
        self.make().check_fit(self.count)
        with pytest.raises(UsageError):
            self.make().check_fit(1)

    def test_every_epoch_is_told_and_written_before_the_next(self, tmp_path: Path) -> None:
        told: list[Mapping[str, Any]] = []

        def report(epoch: int, facts: Mapping[str, Any]) -> bool:
            told.append(facts)
            assert epoch == len(told) and 0 <= facts[fit.ERROR] <= 1
            assert _written(tmp_path) == told and (tmp_path / fit.SNAPSHOT).exists()
            return True

        found = self._fit(tmp_path, report=report)
        assert found is not None and found.epochs == len(told) >= 3
        assert json.loads(json.dumps(found.facts, allow_nan=False)) == found.facts
        assert math.isfinite(found.seconds) and found.seconds > 0

    def test_a_fit_that_was_stopped_gives_what_one_without_a_stop_gives(self, tmp_path: Path) -> None:
        whole = self._fit(tmp_path / "whole")
        assert self._fit(tmp_path / "parts", report=lambda epoch, facts: False) is None
        assert self._fit(tmp_path / "parts", report=lambda epoch, facts: epoch < 2) is None
        found = self._fit(tmp_path / "parts")
        assert whole is not None and found is not None
        assert (found.facts, found.epochs) == (whole.facts, whole.epochs)
        assert _timeless(_written(tmp_path / "parts")) == _timeless(_written(tmp_path / "whole"))
        for file in sorted((tmp_path / "whole").glob("*.safetensors")):
            assert file.read_bytes() == (tmp_path / "parts" / file.name).read_bytes()

    def test_an_epoch_that_was_told_and_has_no_snapshot_is_told_again_once(self, tmp_path: Path) -> None:
        assert self._fit(tmp_path, report=lambda epoch, facts: False) is None
        with (tmp_path / fit.EPOCHS).open("a") as file:
            file.write('{"epoch": 2, "error": 0.5}\n')
        self._fit(tmp_path)
        assert [one["epoch"] for one in _written(tmp_path)] == list(range(1, len(_written(tmp_path)) + 1))

    def test_a_snapshot_of_another_fit_is_refused_in_a_line_and_stays(self, tmp_path: Path) -> None:
        assert self._fit(tmp_path, report=lambda epoch, facts: False) is None
        before = (tmp_path / fit.SNAPSHOT).read_bytes()
        with pytest.raises(StudyError, match="is of another fit") as refusal:
            self.other().fit(self._context(self.other(), tmp_path))
        assert "\n" not in str(refusal.value)
        assert (tmp_path / fit.SNAPSHOT).read_bytes() == before

    def test_a_time_that_is_over_ends_it_with_what_it_has(self, tmp_path: Path) -> None:
        found = self._fit(tmp_path, seconds=1e-9)
        assert found is not None and found.epochs == 1 and "time" in found.ended

    def test_what_was_found_can_be_taken_by_another_of_its_kind(self, tmp_path: Path) -> None:
        found = self._fit(tmp_path)
        assert found is not None
        self.make().take_fit(Fitted(**json.loads(json.dumps(found.to_json()))), tmp_path)

    # --- helpers --------------------------------------------------------------------------------------------

    def _context(self, one: SupportsFit, folder: Path, **further: Any) -> FitContext:
        folder.mkdir(parents=True, exist_ok=True)
        images = MadeUpImages(self.count, self.resolution, self.classes)
        identity = {"settings": dict(one.fit_settings)}
        return FitContext(folder=folder, images=images, seed=3, identity=identity, space=self.space(), **further)

    def _fit(self, folder: Path, **further: Any) -> Fitted | None:
        one = self.make()
        return one.fit(self._context(one, folder, **further))


class SupernetRules:
    """Subclass, and override `make`.

    Attributes:
        sizes: of a supernet that is small.
        networks: of the space, that are selected.
    """

    sizes: Mapping[str, int] = {}
    networks = 4

    def make(self) -> Space:
        """A space that is `SupportsSupernet`, on small images."""
        raise NotImplementedError

    def supernet(self) -> Supernet:
        space = self.make()
        assert isinstance(space, SupportsSupernet)
        return space.supernet(**self.sizes)

    def test_equal_seeds_give_equal_weights(self) -> None:
        one, again = (self._seeded().state_dict() for _ in range(2))
        assert list(one) == list(again)
        assert all(torch.equal(one[name], again[name]) for name in one)

    def test_a_part_maps_images_to_logits(self) -> None:
        space, supernet = self.make(), self._seeded()
        for one in space.sample(self.networks):
            logits = supernet.select(one.architecture)(self._images(space))
            assert logits.shape == (4, space.classes) and bool(torch.isfinite(logits).all())

    def test_equal_networks_are_the_same_part(self) -> None:
        space, supernet = self.make(), self._seeded()
        (one,) = space.sample(1)
        first, again = (supernet.select(one.architecture)(self._images(space)) for _ in range(2))
        assert torch.equal(first, again)

    def test_different_networks_are_different_parts(self) -> None:
        space, supernet = self.make(), self._seeded()
        images = self._images(space)
        found = [supernet.select(one.architecture)(images) for one in space.sample(self.networks)]
        assert any(not torch.equal(found[0], other) for other in found[1:])

    def test_what_a_part_learns_the_supernet_has_learned(self) -> None:
        """A step on one part changes parameters of the supernet, and none but those of the part."""
        space, supernet = self.make(), self._seeded()
        (one,) = space.sample(1)
        before = {name: value.clone() for name, value in supernet.state_dict().items()}
        part = supernet.select(one.architecture)
        part(self._images(space)).square().mean().backward()  # type: ignore[no-untyped-call]
        own = {id(parameter) for parameter in part.parameters() if parameter.grad is not None}
        assert own
        with torch.no_grad():
            for parameter in part.parameters():
                if parameter.grad is not None:
                    parameter.sub_(parameter.grad + 0.1)
        assert isinstance(supernet, torch.nn.Module)
        for name, parameter in supernet.named_parameters():
            changed = not torch.equal(before[name], parameter)
            assert changed == (id(parameter) in own), name

    def test_networks_share_weights(self) -> None:
        space, supernet = self.make(), self._seeded()
        parts = [_ids(supernet.select(one.architecture)) for one in space.sample(self.networks)]
        assert any(parts[0] & other for other in parts[1:])

    def test_a_size_that_there_is_not_is_refused(self) -> None:
        space = self.make()
        assert isinstance(space, SupportsSupernet)
        with pytest.raises(UsageError, match="no_such_size"):
            space.supernet(no_such_size=1)

    # --- helpers --------------------------------------------------------------------------------------------

    def _seeded(self) -> Supernet:
        with torch.random.fork_rng():
            torch.manual_seed(5)
            return self.supernet()

    def _images(self, space: Space) -> torch.Tensor:
        shape = (4, 3, space.resolution, space.resolution)
        return torch.randn(shape, generator=torch.Generator().manual_seed(1))


class RelaxationRules(SupernetRules):
    """Subclass, and override `make` with a space that is `SupportsRelaxation`."""

    def supernet(self) -> Relaxation:
        space = self.make()
        assert isinstance(space, SupportsRelaxation)
        return space.relaxation(**self.sizes)

    def test_alphas_have_a_row_for_every_choice_and_begin_near_to_zero(self) -> None:
        one = self._relaxed()
        assert one.alphas and all(alpha.shape[1] == len(one.operations) for alpha in one.alphas.values())
        assert all(0 < alpha.abs().max() < 0.01 for alpha in one.alphas.values())
        assert one.skip is None or one.skip in one.operations

    def test_parameters_are_alphas_or_weights_and_never_both(self) -> None:
        one = self._relaxed()
        edges = one.edges if isinstance(one, WeighsEdges) else {}
        assert all(len(edge) == len(one.alphas[name]) for name, edge in edges.items())
        alphas = {id(alpha) for alpha in (*one.alphas.values(), *edges.values())}
        weights = {id(weight) for weight in one.weights()}
        assert not alphas & weights and alphas | weights == _ids(one)

    def test_every_choice_has_a_gradient(self) -> None:
        space, one = self.make(), self._relaxed()
        logits = one(self._images(space))
        assert logits.shape == (4, space.classes)
        logits.square().mean().backward()  # type: ignore[no-untyped-call]
        for alpha in one.alphas.values():
            assert alpha.grad is not None and bool(torch.isfinite(alpha.grad).all())
            assert bool((alpha.grad.abs().sum(1) > 0).all())

    def test_what_is_derived_is_a_network_of_the_space(self) -> None:
        space, one = self.make(), self._relaxed()
        for seed in range(5):
            self._set(one, seed)
            chosen = one.derive()
            assert chosen and chosen == one.derive() and set(chosen) <= set(space.dimensions)
            (near,) = space.sample(1)
            point = space.canonical({**near.params, **chosen})
            assert space.contains(point)
            part = one.select(space.decode(point))
            assert part(self._images(space)).shape == (4, space.classes)
            assert one.skips() >= 0

    def test_an_operation_that_all_rows_are_sure_of_is_derived(self) -> None:
        """But for ``none`` of cells, which some rules never choose."""
        one = self._relaxed()
        for place, name in enumerate(one.operations):
            with torch.no_grad():
                for alpha in one.alphas.values():
                    alpha.zero_()
                    alpha[:, place] = 9.0
            assert name == "none" or name in one.derive().values()
            assert one.skip != name or one.skips() > 0

    def test_a_relaxation_is_its_state(self) -> None:
        space, one = self.make(), self._relaxed()
        self._set(one, 7)
        with torch.random.fork_rng():
            torch.manual_seed(6)
            other = self.supernet()
        other.load_state_dict(one.state_dict())
        assert other.derive() == one.derive()
        assert torch.equal(other(self._images(space)), one(self._images(space)))

    def _relaxed(self) -> Relaxation:
        with torch.random.fork_rng():
            torch.manual_seed(5)
            return self.supernet()

    def _set(self, one: Relaxation, seed: int) -> None:
        drawn = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for alpha in one.alphas.values():
                alpha.copy_(torch.randn(alpha.shape, generator=drawn))


def _ids(module: Module) -> set[int]:
    return {id(parameter) for parameter in module.parameters()}


def _written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / fit.EPOCHS).read_text().splitlines() if line]


def _timeless(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name != "seconds"} for one in told]
