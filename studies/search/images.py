"""Whether two studies are of the same images, and if not, what is different; what training does to them; in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from regnas.dataset import DataSet, Subset, SupportsFiles, SupportsFingerprint, whole_of
from regnas.errors import DataError
from regnas.plugins import spec

DATA, FINGERPRINT = "data", "fingerprint"
_TRAINS, _SHARES, _FLIP, _INIT = "train", "supernet", "flip", "init"  # evaluators, and options of theirs
_MOST = 3  # classes that are named


def fingerprint_of(data: DataSet | None) -> dict[str, Any] | None:
    """What tells the images of a data set from others under its name; None where it has no such thing.

    Raises:
        DataError: images that cannot be read, or a fingerprint that is no JSON object.
    """
    whole = data.whole if isinstance(data, Subset) else data
    if data is None or not isinstance(whole, SupportsFingerprint) or not isinstance(data, SupportsFingerprint):
        return None
    made = data.fingerprint()
    try:
        found = json.loads(json.dumps(made, allow_nan=False))
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise DataError(
            f"the fingerprint of data set {data.name} is a mapping of JSON values, it returned {made!r:.80}"
        )
    return found


def mirrored_said(data: DataSet | None, recipe: Mapping[str, Any], evaluator: str) -> str | None:
    """That pictures of one's own are mirrored in training, where nobody chose that, and how not; None else.

    Args:
        recipe: of the trainings.
        evaluator: its spec.
    """
    whole = data.whole if isinstance(data, Subset) else data
    name, _, options = spec.parse(evaluator, "evaluator")
    if data is None or not isinstance(whole, SupportsFiles) or _FLIP in options:
        return None
    if not {_TRAINS: recipe.get(_FLIP), _SHARES: data.regime.flip}.get(name):
        return None
    said = [f"{key}={value}" for key, value in options.items() if key != _INIT]  # which --init may have put there
    return (
        f"half of the pictures are mirrored in training, left for right; where that makes another class of them, as of "
        f"signs, text or arrows: --evaluator '{name}[{','.join([*said, f'{_FLIP}=false'])}]'"
    )


def other_images(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What two studies' settings, or two trainings', differ in where their images are concerned.

    With a fingerprint on both sides, the same images may lie elsewhere; without, the name of the data set counts.
    """
    before, now = stored.get(FINGERPRINT), wanted.get(FINGERPRINT)
    alike = _kind(stored.get(DATA)) == _kind(wanted.get(DATA))
    if not alike or not isinstance(before, Mapping) or not isinstance(now, Mapping):
        same = stored.get(DATA) == wanted.get(DATA)
        return [] if same else [f"{DATA}: stored {_text(stored.get(DATA))}, asked {_text(wanted.get(DATA))}"]
    return [] if before == now else [f"images changed: {', '.join(_changes(before, now))}"]


def _kind(data: Any) -> str:
    return whole_of(str(data)).partition(":")[0]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    old, new = before.get("classes"), now.get("classes")
    if old != new and isinstance(old, list) and isinstance(new, list):
        yield f"stored classes {_listed(old, new)}, now {_listed(new, old)}"
    elif counts := list(_counts(before, now)):
        yield from counts[:_MOST]
        if len(counts) > _MOST:
            yield f"and {len(counts) - _MOST} more"
    else:
        parts = [name for name in (*before, *now) if before.get(name) != now.get(name)]
        yield "as many of each class, but other files" if parts == ["files"] * 2 else f"another {parts[0]}"


def _listed(names: list[Any], others: list[Any]) -> str:
    """The names that the others lack; all, in their order, where these are the same in another order."""
    shown = [str(name) for name in names if name not in others] or [str(name) for name in names]
    return ", ".join(shown[:_MOST]) + (f" and {len(shown) - _MOST} more" if len(shown) > _MOST else "")


def _counts(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Of each class, by how much it grew or shrank; else, of each part."""
    old, new = before.get("counts"), now.get("counts")
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return
    grown = [b - a for a, b in zip(_by_class(old), _by_class(new), strict=False)]
    for name, more in zip(now.get("classes", ()), grown, strict=False):
        if more:
            noun = "image" if abs(more) == 1 else "images"
            yield f"class {name} has {abs(more)} {noun} {'more' if more > 0 else 'fewer'}"
    if not any(grown):
        for part in new:
            if sum(old.get(part, ())) != sum(new[part]):
                yield f"{sum(new[part])} {part} images, {sum(old.get(part, ()))} before"


def _by_class(counts: Mapping[str, list[int]]) -> list[int]:
    return [sum(parts) for parts in zip(*(one for one in counts.values() if one), strict=False)]
