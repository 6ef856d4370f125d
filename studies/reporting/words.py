"""Names in sentences and figures."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST = 26  # characters of a name that figures have room for
_SHORT = 16  # of one that stays as it is beside a longer one
_SPEC = re.compile(r"([^\[\]]+)\[(.*)\]", re.DOTALL)


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; "" of none."""
    *rest, last = names or [""]
    return f"{', '.join(rest)} and {last}" if rest else last


def short_names(names: Sequence[str]) -> list[str]:
    """What sentences and figures call spaces: long specs without the options that tell none of them apart.

    ``darts[depth=3|4|5,width=4|6|8|12]`` is ``darts[...]`` beside spaces of other names, and
    ``darts[width=4|6|8|12,...]`` beside one that differs from it in its widths.
    """
    if max(map(len, names), default=0) <= _LONGEST:
        return list(names)
    parts = [_parts(name) for name in names]
    found = []
    for name, (head, options) in zip(names, parts, strict=True):
        kin = [others for other, others in parts if other == head and others]
        telling = [option for option in options if any(option not in others for others in kin)]
        short = f"{head}[{','.join([*telling, '...'])}]"
        found.append(short if len(name) > _SHORT and len(short) < len(name) and options else name)
    return found if len(set(found)) == len(names) else list(names)


def _parts(name: str) -> tuple[str, list[str]]:
    """A spec's name and its options; of what is none, itself and nothing."""
    spec = _SPEC.fullmatch(name)
    return (spec[1], spec[2].split(",")) if spec else (name, [])
