"""A macro network in a line of text, written and read.

Operations of the layers, each with the skips that join it, 0 for the stem, and the filters:
``conv3 / sep5@0 / max3 / avg3@0+2; filters 36``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from regnas.errors import UsageError
from regnas.search_spaces.macro.complexity import OPERATIONS

if TYPE_CHECKING:
    from regnas.search_spaces.macro.architecture import Macro

_LAYER = re.compile(r"(\w{1,9})(?:@(\d{1,5}(?:\+\d{1,5})*))?")
_FILTERS = re.compile(r"filters (\d{1,9})")
_EXAMPLE = "conv3 / sep5@0 / max3 / avg3@0+2; filters 36"


def line_of(network: Macro) -> str:
    """The network in a line."""
    parts = []
    for name, added in zip(network.operations, network.skips, strict=True):
        parts.append(f"{name}@{'+'.join(map(str, added))}" if added else name)
    return f"{' / '.join(parts)}; filters {network.filters}"


def read_line(text: str) -> tuple[list[tuple[str, list[int]]], int | None]:
    """Operation and skips of every layer, and the filters; None where the line does not say them.

    Raises:
        UsageError: it is no such line, or names an operation or a skip that there is not.
    """
    layers, said, rest = text.partition(";")
    filters = _FILTERS.fullmatch(rest.strip())
    if said and filters is None:
        raise UsageError(f"behind the layers of a macro network stands such as 'filters 36', got {rest.strip()[:60]!r}")
    found = []
    for number, part in enumerate(layers.split("/"), 1):
        match = _LAYER.fullmatch(part.strip())
        if match is None or match[1] not in OPERATIONS:
            raise UsageError(
                f"a macro network is a line such as {_EXAMPLE!r}, with {', '.join(OPERATIONS)}; got "
                f"{part.strip()[:60]!r} in it"
            )
        added = sorted({int(one) for one in match[2].split("+")}) if match[2] else []
        if added and added[-1] > number - 2:
            raise UsageError(f"skips of layer {number} are from outputs before layer {number - 1}, got @{match[2]}")
        found.append((match[1], added))
    return found, int(filters[1]) if filters else None
