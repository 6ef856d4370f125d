"""Text from outside as it may be shown: names of classes, files, studies and plug-ins, and what these raise."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What terminals take for commands: sequences that begin with ESC or its C1 form, and the text of titles and the like.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# Other control characters but tab and line break, what turns the direction of text, and halves of characters.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def printable(text: str) -> str:
    """Text without what a terminal would obey and what no encoding has; lines and tabs stay."""
    return _CONTROL.sub("", _SEQUENCE.sub("", text))


def one_line(text: str) -> str:
    """`printable` text in one line, without spaces around it."""
    return " ".join(printable(text).split())


def counted(number: int, one: str) -> str:
    """A number of things in words: ``1 epoch``, ``3 epochs``."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def some(names: Sequence[str], most: int = 12) -> str:
    """Names with commas between them; of many the first ``most``, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most + 1 else ""
    return ", ".join(names[:most] if more else names) + more
