"""Text as Markdown that shows it and nothing else."""

from __future__ import annotations

import re

from regnas.system.text import one_line

_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&$]")


def escape(text: str) -> str:
    """Words of a paragraph, a heading or a table's cell: no link, no tag, no emphasis, no line of their own."""
    return _SPECIAL.sub(r"\\\g<0>", one_line(text))


def code(text: str) -> str:
    """Text as code, whatever quotes are in it."""
    shown = one_line(text)
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {shown} {fence}" if longest else f"`{shown}`"
