"""Spec strings: ``name[key=value,...]`` and ``name:argument``, the same in the shell and in Python."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from regnas.errors import UsageError

_SPEC = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?::(?P<argument>[^\[\]]*))?(?:\[(?P<options>.*)\])?", re.DOTALL)


def parse(text: str, what: str) -> tuple[str, str, dict[str, str]]:
    """Split a spec into its name, its argument (``""`` without) and its options, all still text.

    Raises:
        UsageError: not of the form ``name[key=value,...]``, or a key given twice.
    """
    match = _SPEC.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"a{'n' * (what[0] in 'aeiou')} {what} is name or name[key=value,...], got {text!r}")
    options: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in (match["options"] or "").split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise UsageError(f"options of a {what} are key=value, got {part!r} in {text!r}")
        if key in options:
            raise UsageError(f"{key} is given twice in {text!r}; keep one")
        options[key] = value
    return match["name"], match["argument"] or "", options


def with_options(text: str, options: Mapping[str, Any]) -> str:
    """A spec with further options, JSON values; a comma in a text is written so that it divides no options."""
    further = ",".join(f"{key}={json.dumps(value)}".replace(",", "\\u002c") for key, value in options.items())
    text = text.strip()
    return f"{text[:-1]},{further}]" if text.endswith("]") else f"{text}[{further}]"


def json_options(options: dict[str, str]) -> dict[str, Any]:
    """Option texts as JSON values where they are JSON, as text where not: ``0.1``, ``true``, ``cosine``."""
    read = {}
    for key, text in options.items():
        try:
            read[key] = json.loads(text)
        except (ValueError, RecursionError):
            read[key] = text
    return read
