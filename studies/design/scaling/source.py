"""The network that is scaled, with what is known of it: its pixels, and the study that it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from regnas.architecture import Architecture, from_json
from regnas.describe import summary
from regnas.errors import UsageError
from regnas.images import Images
from regnas.preset import presets
from regnas.studies.export.export import find
from regnas.system.reading import fields, parse_json, read_fields
from regnas.weights import ARCHITECTURE

_SETTINGS = ("data", "images", "recipe", "fingerprint")


@dataclass(frozen=True)
class Source:
    """A network to scale.

    Attributes:
        name: as the user called it.
        resolution: pixels of a side.
        known: whether these are said, or stored of its training.
        settings: of its study, what trainings of it need: data, images, recipe.
    """

    name: str
    architecture: Architecture
    resolution: int
    known: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_source(text: str, resolution: int | None = None, classes: int | None = None) -> Source:
    """A network as the user names it: what ``regnas export`` takes, or a JSON object.

    Args:
        resolution: instead of its own.
        classes: outputs, instead of its own.

    Raises:
        UsageError: nothing of these, or images that there are not.
        RegnasError: it cannot be read.
    """
    if resolution is not None or classes is not None:
        Images(1 if resolution is None else resolution, 2 if classes is None else classes)
    found = _read(text)
    made = replace(found, resolution=resolution, known=True) if resolution is not None else found
    return made if classes is None else replace(made, architecture=_with_classes(made.architecture, classes))


def _read(text: str) -> Source:
    if text.lstrip().startswith("{"):
        value = fields(parse_json(text, "NETWORK", UsageError), "NETWORK", UsageError)
        inner = value.get("architecture", value)
        network = from_json(inner)
        return Source(f"a {network.kind} network", network, summary(network).resolution)
    network, path = find(text).architecture, Path(text)
    if path.exists():
        return _of_path(text, path, network)
    known = presets().get(text.lower().replace("_", "-"))
    if known is not None:
        return Source(text, network, known.images.resolution)
    return Source(text, network, summary(network).resolution)


def _of_path(text: str, path: Path, network: Architecture) -> Source:
    best = path / "best.json" if path.is_dir() else path
    file = best if best.is_file() else path / ARCHITECTURE
    stored = read_fields(file, settings=dict | None, resolution=int | None) if file.suffix == ".json" else {}
    settings = {name: value for name, value in (stored.get("settings") or {}).items() if name in _SETTINGS}
    images = fields(settings.get("images") or {}, f"images of {file}", resolution=int | None)
    pixels = images.get("resolution") or stored.get("resolution")
    return Source(text, network, pixels or summary(network).resolution, pixels is not None, settings)


def _with_classes(network: Architecture, classes: int) -> Architecture:
    value = json.loads(json.dumps(network.to_json()))
    if "classes" not in value:
        raise UsageError(
            f"a network of the kind {network.kind} has no number of classes to change; leave out --classes"
        )
    return from_json({**value, "classes": classes})
