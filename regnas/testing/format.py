"""The rules of formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from regnas.architecture import Architecture
from regnas.errors import RegnasError, UsageError
from regnas.format import Format, SupportsImport, SupportsWeights
from regnas.plugins import registry


class FormatRules:
    """Subclass, and override `make` and `networks`.

    Attributes:
        suffix: of a file whose text, as the format writes it, is a source that it reads; ``""`` where the text itself
            is the source; None where it reads none of its own texts.
    """

    suffix: str | None = None

    def make(self) -> Format[Any]:
        """What the entry point of ``regnas.formats`` names, called."""
        raise NotImplementedError

    def networks(self) -> Sequence[Architecture]:
        """At least two different networks that the format expresses, small ones."""
        raise NotImplementedError

    def refused(self) -> Sequence[Architecture]:
        """Networks of its kinds that it cannot express, if there are any."""
        return ()

    def test_kinds_are_registered_and_have_networks(self) -> None:
        made = self.make()
        assert set(made.kinds) <= set(registry.installed("architecture"))
        assert not made.kinds or {one.kind for one in self.networks()} <= set(made.kinds)
        assert len({one.key() for one in self.networks()}) >= 2

    def test_different_networks_are_different_texts_the_same_every_time(self) -> None:
        texts = [self.make().write(one, {}) for one in self.networks()]
        assert texts == [self.make().write(one, {}) for one in self.networks()]
        assert len(set(texts)) == len(texts)
        assert all(isinstance(text, str) and text.endswith("\n") for text in texts)

    def test_parameters_that_say_nothing_change_nothing(self) -> None:
        for one in self.networks():
            assert self.make().write(one, {"no such parameter": 1}) == self.make().write(one, {})

    def test_what_is_written_reads_back_as_the_same_network(self, tmp_path: Path) -> None:
        made = self.make()
        if self.suffix is None:
            pytest.skip("a format that reads none of its own texts")
        assert isinstance(made, SupportsImport)
        for number, one in enumerate(self.networks()):
            source = made.write(one, {})
            if self.suffix:
                file = tmp_path / f"{number}{self.suffix}"
                file.write_text(source)
                source = str(file)
                assert made.recognises(source)
            assert list(made.read(source)) == [one]

    def test_what_is_no_source_of_it_is_refused(self, tmp_path: Path) -> None:
        made = self.make()
        if not isinstance(made, SupportsImport):
            pytest.skip("a format that is not read")
        assert made.sources
        for source in ("no such thing", str(tmp_path / "absent")):
            assert not made.recognises(source)
            with pytest.raises(RegnasError):
                made.read(source)

    def test_what_it_cannot_express_is_refused_with_a_reason(self) -> None:
        for one in self.refused():
            with pytest.raises(UsageError, match=r"\w+ \w+"):
                self.make().write(one, {})

    def test_weights_come_back_as_they_were(self) -> None:
        made = self.make()
        if not isinstance(made, SupportsWeights):
            pytest.skip("a format without weights")
        for one in self.networks():
            state = one.build().state_dict()
            there = made.export_weights(state)
            assert len(there) == len(state)
            back = made.import_weights(there, list(state))
            assert back.keys() == state.keys()
            assert all(torch.equal(back[name], tensor) for name, tensor in state.items())
