"""How a spec's values derive a space: ``2``, ``12:20``, ``8|16|32``, ``wa``, ``1-2-2-2``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from regnas.dimension import Choice, Dimension, Range, values_of
from regnas.errors import UsageError
from regnas.system.text import some

if TYPE_CHECKING:
    from regnas.design_space import Space

S = TypeVar("S", bound="Space")


def number(text: str) -> int | float | None:
    """The finite number a text is, or None."""
    try:
        return int(text)
    except ValueError:
        try:
            read = float(text)
        except ValueError:
            return None
    return read if math.isfinite(read) else None


def parse_value(text: str, name: str) -> Any:
    """A number, a name, a list of choices ``a|b``, or a pair ``(low, high)`` with None for an open side.

    Raises:
        UsageError: a range that is none, or runs downwards.
    """
    if "|" in text:
        return [_value(part.strip()) for part in text.split("|")]
    if ":" in text:
        parts = [part.strip() for part in text.split(":")]
        ends = [number(part) if part else None for part in parts]
        bad = len(parts) != 2 or any(part and end is None for part, end in zip(parts, ends, strict=True))
        if bad:
            raise UsageError(f"a range of {name} is low:high, got {text!r}")
        if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
            raise UsageError(f"a range of {name} runs from low to high, got {text!r}; write {parts[1]}:{parts[0]}")
        return tuple(ends)
    return _value(text)


def _value(text: str) -> int | float | str:
    read = number(text)
    return text if read is None else read


def option_text(value: Any) -> str:
    """The spec's text of a Python value: a number or name as it is, a list as choices, a tuple as ``1-2-2-2``."""
    if isinstance(value, list):
        return "|".join(map(str, value))
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return str(value)


def expand(space: Space, names: Sequence[str], value: str) -> Iterator[tuple[str, str]]:
    """Each parameter that a key stands for, with the one it is tied to or ``""``.

    Raises:
        UsageError: the value stands for another number of parameters than the key.
    """
    sources = space.parameters_of(value)
    if sources and len(sources) != len(names):
        raise UsageError(f"{value} stands for {len(sources)} parameters and cannot be tied to {len(names)}")
    for index, name in enumerate(names):
        yield name, sources[index] if sources else ""


def derived(space: S, options: Mapping[str, str]) -> S:
    """A space with further options of a spec.

    Raises:
        UsageError: an option or parameter it does not have, or a value that makes no sense.
    """
    root: Any = space.root or replace(space, overrides=())
    chosen = {key: _shortest(value) if space.parameters_of(key) else value for key, value in options.items()}
    merged = {**dict(space.overrides), **chosen}
    # Options first, as stages=5 brings parameters of its own; then laws, then ties: a spec's order does not matter.
    made, kept, left = root, [], sorted(merged)
    for key in [key for key in left if not root.parameters_of(key)]:
        changed = made.with_option(key, merged[key])
        if changed is not None:
            kept += [key] if changed != made else []
            made = changed
            left.remove(key)
    # A key of many parameters goes before those of some of them: `op=none|skip_connect,normal_0_op_x=none`.
    for key in sorted(left, key=lambda name: (bool(made.parameters_of(merged[name])), -_count(made, name), name)):
        changed = _apply(made, key, merged[key])
        kept += [key] if changed != made else []
        made = changed
    overrides = tuple((key, merged[key]) for key in sorted(kept))
    own = {"images": space.images, "window": space.window, "stream_version": space.stream_version}
    found: S = replace(made, root=root, overrides=overrides, **own)
    return found


def _count(space: Space, key: str) -> int:
    return len(space.parameters_of(key))


def _shortest(text: str) -> str:
    """One text for one number: ``2.0`` and ``2`` are one space, and so one stream of candidates."""
    value = number(text)
    if value is None:
        return text
    return str(int(value)) if value == int(value) else repr(value)


def _apply(space: Space, key: str, value: str) -> Space:
    names = space.parameters_of(key)
    if not names:
        known = some([*space.dimensions, *dict(space.ties)])
        raise UsageError(f"{space.name} has no parameter or option {key!r}; its parameters are {known}")
    for name, source in expand(space, names, value):
        space = _tie(space, name, source) if source else space.with_dimension(name, _law(space, name, value))
    return space


def _law(space: Space, name: str, value: str) -> Dimension:
    if name in dict(space.ties):
        raise UsageError(f"{name} is tied to {dict(space.ties)[name]} in {space.spec}; set that one")
    parsed = parse_value(value, name)
    if isinstance(parsed, tuple):
        return space.dimensions[name].narrowed(*parsed)
    known = space.dimensions[name]
    law = known.among(tuple(parsed) if isinstance(parsed, list) else (parsed,))
    return known if _same(known, law) else law


def _same(one: Dimension, other: Choice) -> bool:
    return isinstance(one, Choice) and set(one.values) == set(other.values)


def _tie(space: Space, name: str, source: str) -> Space:
    laws = space.dimensions
    if name == source or source not in laws or name not in laws:
        raise UsageError(f"{name}={source} ties two different free parameters of {space.name}; check the names")
    tied = space.with_dimension(source, coarser(laws[name], laws[source]))
    return replace(tied, ties=(*tied.ties, (name, source)))


def coarser(one: Dimension, other: Dimension) -> Dimension:
    """The law of two parameters that are tied together: values that both can take, on the wider grid.

    Raises:
        UsageError: there are none.
    """
    if isinstance(one, Range) and isinstance(other, Range):
        wide, fine = (one, other) if one.step >= other.step else (other, one)
        low, high = max(one.low, other.low), min(one.high, other.high)
        return (
            wide.narrowed(
                wide.step * math.ceil(low / wide.step - 1e-9), wide.step * math.floor(high / wide.step + 1e-9)
            )
            if (low, high) != (wide.low, wide.high)
            else wide
        )
    shared = tuple(value for value in values_of(one) if other.contains(value))
    if not shared:
        raise UsageError("tied parameters need a value in common, and these have none")
    labels = any(isinstance(law, Choice) and law.labels for law in (one, other))
    return Choice(shared, ordered=False if labels else None)
