"""Networks known by name, such as those of a paper: points of spaces that plug-ins bring along.

An entry point of ``regnas.presets`` names a function without arguments that returns presets by name, each a `Preset`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from regnas.errors import PluginBroken, PluginNotFound
from regnas.images import Images
from regnas.plugins import registry


@dataclass(frozen=True)
class Preset:
    """A network that has a name.

    Attributes:
        space: the spec of the space that it is a point of.
        params: that point; what is fixed in the space or has a default may be left out.
        images: those it was published for.
        note: which network is meant where others have this name, too.
        also: names that other programs have for it, with dashes; one that several presets have is asked back.
    """

    space: str
    params: Mapping[str, Any]
    images: Images = Images()
    note: str = ""
    also: tuple[str, ...] = ()


def presets_of(plugin: str) -> dict[str, Preset]:
    """What one plug-in knows, by names in lower case with dashes.

    Raises:
        PluginBroken: it raised on import.
    """
    found: dict[str, Preset] = registry.load("preset", plugin)()
    return found


def presets() -> dict[str, Preset]:
    """All presets by name, without those of broken plug-ins."""
    found: dict[str, Preset] = {}
    for plugin in registry.installed("preset"):
        try:
            found |= presets_of(plugin)
        except PluginBroken:
            continue
    return found


def preset(name: str) -> Preset:
    """The preset of a name, in upper or lower case, with dashes or underscores.

    Raises:
        PluginNotFound: names what there is and the nearest name.
    """
    known, key = presets(), name.lower().replace("_", "-")
    if key in known:
        return known[key]
    if hint := meant(name):
        raise PluginNotFound(f"no preset {name!r}; {hint}")
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise PluginNotFound(f"no preset {name!r}; there are {', '.join(known)}{hint}")


def meant(name: str) -> str:
    """Which presets may be meant by a name that other programs have, and how these differ; empty where none may."""
    known, key = presets(), name.lower().replace("_", "-")
    found = [one for one, network in known.items() if key in network.also]
    if not found:
        return ""
    notes = "; ".join(f"{one}: {known[one].note}" for one in found if known[one].note)
    return f"say {' or '.join(found)}" + (f" ({notes})" if notes else "")
