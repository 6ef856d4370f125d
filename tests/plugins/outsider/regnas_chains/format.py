"""A format: chains as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from regnas.errors import UsageError
from regnas_chains.architecture import Chain


class OneLine:
    """``16 conv3 conv5 10``: width, operations, classes."""

    kinds = ("chain",)
    sources = "chain-line:WIDTH OPERATIONS CLASSES"

    def write(self, architecture: Chain, params: Mapping[str, Any]) -> str:
        return " ".join(map(str, (architecture.width, *architecture.operations, architecture.classes))) + "\n"

    def recognises(self, source: str) -> bool:
        return False  # only with the name of the format before it

    def read(self, source: str) -> Sequence[Chain]:
        words = source.split()
        if len(words) < 2 or not (words[0] + words[-1]).isdecimal():
            raise UsageError(f"a chain is such as '16 conv3 conv5 10', got {source!r}")
        return [Chain(tuple(words[1:-1]), int(words[0]), int(words[-1]))]
