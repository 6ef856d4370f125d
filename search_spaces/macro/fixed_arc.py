"""Macro networks as ENAS writes them: ``fixed_arc``, for every layer its operation and a number for each skip.

Source: melodyguan/enas ``src/cifar10/general_child.py`` and ``scripts/cifar10_macro_final.sh``: layer l from 0 has
l + 1 numbers, the operation, and 0 or 1 for the stem and the outputs of the layers before, but the last one, which it
sees anyway. What else a network has stands behind them in a comment; where there is none, it is what that script makes
of such numbers: the final form, of 96 filters, with 10 classes.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from regnas.errors import InvalidArchitecture, RegnasError, UsageError
from regnas.search_spaces.macro.architecture import MOST_LAYERS, Macro
from regnas.search_spaces.macro.complexity import CODES, OPERATIONS
from regnas.system.reading import read_text

_SHAPE = re.compile(r"#\s*filters (\d{1,9}), form (\w{1,9}), classes (\d{1,9})\s*$", re.MULTILINE)
_USUAL = {"filters": 96, "form": "final", "classes": 10}
_LONGEST = 10_000  # characters


class MacroArcs:
    """The numbers of one network, as text or in a file."""

    kinds = ("macro",)
    sources = "enas-macro:0 3 0 0 1 0 ... (1 number for layer 1, 2 for layer 2 and so on, or a file of such)"

    def write(self, architecture: Macro, params: Mapping[str, Any]) -> str:
        """A line for each layer, and a comment."""
        one, lines = architecture, []
        for layer, (name, added) in enumerate(zip(one.operations, one.skips, strict=True), 1):
            lines.append(" ".join(map(str, [CODES[name], *(int(other in added) for other in range(layer - 1))])))
        return "\n".join([*lines, f"# filters {one.filters}, form {one.form}, classes {one.classes}"]) + "\n"

    def recognises(self, source: str) -> bool:
        return False

    def read(self, source: str) -> Sequence[Macro]:
        text = read_text(Path(source), RegnasError) if os.path.isfile(source) else source
        said = _SHAPE.search(text)
        words = (text[: said.start()] if said else text).strip().strip("\"'").split()
        if len(text) > _LONGEST or not words or not all(word.isascii() and word.isdecimal() for word in words):
            raise UsageError(f"a macro network of ENAS is {self.sources}, got {source[:60]!r}")
        layers = math.isqrt(2 * len(words))
        if layers * (layers + 1) != 2 * len(words) or layers > MOST_LAYERS:
            raise UsageError(
                f"a macro network of ENAS has 1 number for layer 1, 2 for layer 2 and so on, 78 for 12 layers, up to "
                f"{MOST_LAYERS} layers; got {len(words)} numbers"
            )
        shape: dict[str, Any] = dict(_USUAL)
        if said is not None:
            shape = {"filters": int(said[1]), "form": said[2], "classes": int(said[3])}
        numbers = [int(word[:9]) for word in words]
        rows = [_layer(layer, numbers[layer * (layer - 1) // 2 :][:layer]) for layer in range(1, layers + 1)]
        try:
            return [Macro(tuple(name for name, _ in rows), tuple(added for _, added in rows), **shape)]
        except InvalidArchitecture as error:
            raise UsageError(f"the numbers of ENAS: {error}") from error


def _layer(layer: int, numbers: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """Operation and skips of a layer, which has as many numbers as it is layers from the first.

    Raises:
        UsageError: an operation that there is not, or a skip that is neither 0 nor 1.
    """
    code, *flags = numbers
    if code >= len(OPERATIONS):
        listed = ", ".join(f"{known} {name}" for known, name in enumerate(OPERATIONS))
        raise UsageError(f"the numbers of ENAS: layer {layer} has the operation {code}; there are {listed}")
    if bad := [flag for flag in flags if flag > 1]:
        raise UsageError(f"the numbers of ENAS: behind its operation, layer {layer} has 0 or 1 a skip, got {bad[0]}")
    return OPERATIONS[code], tuple(place for place, flag in enumerate(flags) if flag)
