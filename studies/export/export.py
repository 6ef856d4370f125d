"""``regnas export`` and ``import``: a network that the command line names, and what is written of it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regnas import weights
from regnas.architecture import Architecture
from regnas.design_space import make_space
from regnas.errors import RegnasError, UsageError
from regnas.format import SupportsWeights, make_format, read, reader_of, write
from regnas.preprocessing import Preprocessing
from regnas.preset import meant, presets
from regnas.system.files import replacing
from regnas.system.reading import read_fields


@dataclass(frozen=True)
class Named:
    """A network that the command line names.

    Attributes:
        params: the point of its space, where it is known.
        folder: where its weights lie, if it was trained.
    """

    architecture: Architecture
    params: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None


def find(text: str) -> Named:
    """A study's folder, an architecture's folder or JSON file, a preset by name, or what a format reads.

    Raises:
        UsageError: nothing of these.
        RegnasError: it cannot be read.
    """
    path = Path(text)
    if path.is_dir() and (path / "study.json").exists():
        if not (path / "best.json").exists():
            raise RegnasError(f"{path} has no winner yet; go on with its search")
        return _of_file(path / "best.json", path / "best")
    if path.exists() and (path.is_dir() or path.suffix == ".json" or reader_of(text) is None):
        return _of_file(path, path if path.is_dir() else _weights_of(path))
    known, key = presets(), text.lower().replace("_", "-")
    if key in known:
        space = make_space(known[key].space).on(known[key].images)
        return Named(space.decode(space.complete(known[key].params)), known[key].params)
    if reader_of(text) is not None:
        return Named(read(text)[0])
    near = difflib.get_close_matches(key, known, n=1)
    said = meant(text) or (f"did you mean {near[0]}?" if near else "")
    hint = f"; {said}" if said else " (regnas list presets)"
    raise UsageError(
        f"{text} is no study's folder, no architecture's file or folder, nothing that a format reads, and no network "
        f"known by name{hint}"
    )


def _weights_of(file: Path) -> Path:
    """The folder with the weights of an architecture's file: a search keeps its winner's apart from best.json."""
    return file.parent / "best" if file.name == "best.json" else file.parent


def _of_file(path: Path, folder: Path) -> Named:
    architecture = weights.read_architecture(path)
    stored = read_fields(path, params_by_name=dict | None) if path.is_file() else {}
    return Named(
        architecture, stored.get("params_by_name") or {}, folder if (folder / weights.WEIGHTS).exists() else None
    )


def export(named: Named, form: str) -> str:
    """The network in a format.

    Raises:
        PluginNotFound: no such format.
        UsageError: the format cannot express the network, and why.
    """
    return write(form, named.architecture, named.params)


def with_pictures(text: str, named: Named, path: Path) -> str:
    """A program of a trained network, with lines by which it loads its weights and names pictures when it is run. Text
    that is no program, and that of a network that does not say how its pictures were read, is as it was.

    Args:
        path: of the weights under the names of the program, as the program is to call it.
    """
    from regnas.studies.export.files.lines import torch_lines

    if named.folder is None or not re.search("^network = ", text, re.MULTILINE):
        return text
    try:
        made = Preprocessing.of(read_fields(named.folder / weights.ARCHITECTURE), named.folder)
    except RegnasError:
        return text
    return text + torch_lines(path, made)


def export_weights(named: Named, form: str, path: Path) -> None:
    """The trained weights under the names of a format's program, as safetensors.

    Raises:
        UsageError: a format that has no weights, or a network without.
        RegnasError: the program has no counterpart for some of them.
    """
    made = make_format(form)
    if not isinstance(made, SupportsWeights):
        raise UsageError(f"{form} has no names for weights of its own; leave out --weights")
    if named.folder is None:
        raise UsageError("there are no trained weights beside this network; name the folder of a search or a training")
    from safetensors.torch import save_file

    try:
        renamed = made.export_weights(weights.read_state(named.folder / weights.WEIGHTS))
    except ValueError as error:
        raise RegnasError(f"{form} cannot take these weights: {error}") from error
    try:
        with replacing(path) as partial:
            save_file(renamed, partial)
    except OSError as error:
        raise RegnasError(f"cannot write {path}: {error.strerror}; name another file with --weights") from error
