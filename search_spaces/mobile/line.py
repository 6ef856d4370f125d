"""The stages of a mobile network in a line, in the words of timm and of the authors' code.

Of ``ds_r1_k3_s1_c16 ir_r3_k5_s2_e6_c80_se0.25`` a stage is ``ds``, a separable convolution, ``ir``, an MBConv, ``er``,
a fused one, or ``cn``, a convolution, with r layers, kernel k, stride s, expansion e and c channels; ``noskip`` and
``pool`` say its skip. The authors write ``e1`` of separable convolutions and no ``ir``, ``s22`` for both ways, ``o80``
for channels and ``i40`` for what comes in: that is read, too.

Source: timm ``models/_efficientnet_builder.py``; tensorflow/tpu ``mnasnet_utils.py``, ``BlockDecoder``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from regnas.errors import InvalidArchitecture, UsageError
from regnas.search_spaces.mobile.stage import Stage

if TYPE_CHECKING:
    from regnas.search_spaces.mobile.architecture import Mobile

_TYPES = {("mbconv", True): "ds", ("mbconv", False): "ir", ("fused", False): "er", ("fused", True): "cn"}
_BLOCKS = {name: block for (block, _), name in _TYPES.items()}
_PART = re.compile(r"(se|r|k|s|e|c|o|i)(\d+(?:\.\d+)?)")
_NAMES = {"r": "depth", "k": "kernel", "s": "stride", "e": "expansion", "c": "width", "o": "width"}
_EXAMPLE = "'ds_r1_k3_s1_c16 ir_r3_k5_s2_e6_c80_se0.25'"
_BOTH_WAYS = 2  # digits of the authors' strides


def line_of(network: Mobile) -> str:
    """All stages in a line; one layer, kernel 3 and stride 1 are left out."""
    return " ".join(stage_text(stage, short=True) for stage in network.stages)


def stage_text(stage: Stage, *, short: bool = False) -> str:
    """One stage."""
    plain = stage.expansion == 1
    parts = [_TYPES[stage.block, plain]]
    for name, value, usual in (("r", stage.depth, 1), ("k", stage.kernel, 3), ("s", stage.stride, 1)):
        parts += [] if short and value == usual else [f"{name}{value}"]
    parts += [] if plain else [f"e{stage.expansion}"]
    parts += [f"c{stage.width}"]
    parts += [f"se{stage.se:g}"] if stage.se else []
    parts += {"none": ["noskip"], "pool": ["pool"]}.get(stage.skip, [])
    return "_".join(parts)


def read_line(text: str) -> tuple[Stage, ...]:
    """The stages of a line.

    Raises:
        UsageError: it is no such line; names the stage that is wrong.
    """
    words = text.replace("/", " ").replace(",", " ").split()
    if not words:
        raise UsageError(f"stages are a line such as {_EXAMPLE}, got {text[:60]!r}")
    return tuple(_stage(number, word) for number, word in enumerate(words, 1))


def _stage(number: int, word: str) -> Stage:
    first, *rest = word.split("_")
    authors = first not in _BLOCKS
    kind, parts = ("ir", [first, *rest]) if authors else (first, rest)
    given: dict[str, Any] = {"block": _BLOCKS[kind], "expansion": 1 if kind in ("ds", "cn") else None}
    for part in parts:
        if part in ("noskip", "pool"):
            given["skip"] = "none" if part == "noskip" else part
            continue
        match = _PART.fullmatch(part)
        if match is None:
            raise UsageError(f"stage {number} of the line has {part[:40]!r}; stages are such as {_EXAMPLE}")
        name, value = match[1], match[2]
        if name == "se":
            given["se"] = float(value)
        elif "." in value or len(value) > 9:
            raise UsageError(f"stage {number} of the line: {name} is a whole number, got {value[:40]!r}")
        elif name != "i":
            given[_NAMES[name]] = int(value[0] if authors and name == "s" and _twice(value) else value)
    if missing := [name for name in ("expansion", "width") if given.get(name) is None]:
        raise UsageError(
            f"stage {number} of the line says no {' and no '.join(missing)}; stages are such as {_EXAMPLE}"
        )
    try:
        return Stage(**given)
    except InvalidArchitecture as error:
        raise UsageError(f"stage {number} of the line: {error}") from error


def _twice(value: str) -> bool:
    """Whether a stride is the authors', said for both ways."""
    return len(value) == _BOTH_WAYS and value[0] == value[1]
