"""A space as JSON values, from which another process makes it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regnas.design_space import Space, make_space
from regnas.errors import RegnasError, UsageError
from regnas.images import Images
from regnas.measure import BUILT_IN, short_of
from regnas.window import Window


def space_to_json(space: Space) -> dict[str, Any]:
    """The spec, the images and the window of a space.

    Raises:
        UsageError: its spec does not make it again, as of a space that is not registered.
    """
    window: dict[str, Any] = {short_of(name): str(space.window.bounds(name)) for name in BUILT_IN}
    if further := {name: str(bounds) for name, bounds in space.window.items() if name not in BUILT_IN}:
        window["limits"] = further
    stored = {"spec": space.spec, "images": space.images.to_json(), "window": window}
    try:
        same = space_from_json(stored) == space
    except RegnasError:
        same = False
    if not same:
        raise UsageError(
            f"another process makes a space from its spec, and {space.spec!r} does not make this one; register it as a "
            f"plug-in (the page Plug-ins of the documentation)"
        )
    return stored


def space_from_json(stored: Mapping[str, Any]) -> Space:
    """The space of `space_to_json`.

    Raises:
        RegnasError: its plug-in is not installed here.
    """
    space = make_space(stored["spec"]).on(Images.from_json(stored["images"]))
    return space.within(Window.parse(**stored["window"]))
