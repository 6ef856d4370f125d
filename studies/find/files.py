"""The files that a find leaves for other programs: ONNX with a program that uses it, timm's and torchvision's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regnas.architecture import Architecture
from regnas.deployment import INSIDE
from regnas.errors import HostError, RegnasError, UsageError
from regnas.format import make_format
from regnas.studies.export.export import Named, export, export_weights, with_pictures
from regnas.studies.export.files.ship import ShipOptions, ship
from regnas.studies.find.request import FindRequest
from regnas.system.files import write_text

ONNX, PROGRAM = "network.onnx", "name_pictures.py"
LIBRARIES = ("timm", "torchvision")
_OTHERS = "they will be exported as ONNX and safetensors"


@dataclass(frozen=True)
class Files:
    """What was written for other programs.

    Attributes:
        written: what each file is, by name.
        left_out: why something was not written, by format.
    """

    written: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def expressible(network: Architecture, params: Mapping[str, Any]) -> dict[str, str | None]:
    """For each library that has networks of this kind: None where it can express the network, else why not."""
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        if network.kind not in make_format(name).kinds:
            continue
        try:
            export(Named(network, params), name)
        except (UsageError, HostError) as error:
            found[name] = str(error)
        else:
            found[name] = None
    return found


def foreseen(network: Architecture, params: Mapping[str, Any]) -> str | None:
    """What a user should hear before a search whose networks are like this one; None where a library takes them."""
    known = expressible(network, params)
    if any(why is None for why in known.values()):
        return None
    if not known:
        return f"networks of the kind {network.kind} are not in {' or '.join(LIBRARIES)}: {_OTHERS}"
    return f"networks like these are not in {' or '.join(known)} ({next(filter(None, known.values()))}): {_OTHERS}"


def write(asked: FindRequest, network: Architecture, params: Mapping[str, Any], say: Callable[[str], None]) -> Files:
    """Write all that can be written beside the weights of a find's folder; what cannot is kept with why."""
    for stale in (ONNX, PROGRAM, *(file for name in LIBRARIES for file in _files_of(name))):
        (asked.folder / stale).unlink(missing_ok=True)  # of the network that a shorter time found
    written: dict[str, str] = {}
    left_out: dict[str, str] = {}
    try:
        written |= _onnx(asked, say)
    except RegnasError as error:
        left_out["onnx"] = f"{error}; then: regnas export {asked.folder} --format onnx"
    for name, why in expressible(network, params).items():
        if why is not None:
            left_out[name] = why
            continue
        try:
            written |= _library(asked.folder, network, params, name)
        except RegnasError as error:
            left_out[name] = str(error)
    return Files(written, left_out)


def _onnx(asked: FindRequest, say: Callable[[str], None]) -> dict[str, str]:
    folder = asked.folder
    options = ShipOptions(
        output=str(folder / ONNX),
        preprocessing=INSIDE,
        data=asked.data,
        data_root=str(asked.search["data_root"]) if asked.search.get("data_root") else None,
        cache=folder / "cache",
        called=ONNX,
    )
    told: list[str] = []

    def heard(text: str) -> None:
        told.append(text)
        say(text)

    lines = ship(str(folder), "onnx", options, heard)
    write_text(folder / PROGRAM, lines)
    told_of_it = told[-1].removeprefix(f"{folder / ONNX}: ")  # its size, and how it compares with torch
    return {
        ONNX: f"uint8 pixels to logits, for ONNX Runtime and others; {told_of_it}",
        PROGRAM: "names pictures by it, with onnxruntime, numpy and pillow alone",
    }


def _files_of(library: str) -> tuple[str, str]:
    """The names of a library's code and weights."""
    return f"network_{library}.py", f"{library}.safetensors"


def _library(folder: Path, network: Architecture, params: Mapping[str, Any], name: str) -> dict[str, str]:
    """The network as a program of a library, and the weights under its names."""
    named = Named(network, params, folder)
    code, tensors = _files_of(name)
    write_text(folder / code, with_pictures(export(named, name), named, Path(tensors)))
    export_weights(named, name, folder / tensors)
    return {code: f"the network in {name}; run, it names pictures", tensors: f"its weights under the names of {name}"}
