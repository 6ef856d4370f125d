"""Trained networks to begin with: where they come from, what they are, and how their pictures were normalised.

A source is a folder or a file of weights of this program or of timm, or ``NAME:REST`` with the name of a format whose
program brings weights (`SupportsPretrained`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from regnas import weights
from regnas.architecture import Architecture, canonical, from_json
from regnas.errors import RegnasError, UsageError
from regnas.format import SupportsImport, SupportsWeights, formats_of, make_format
from regnas.plugins import registry
from regnas.system.reading import read_fields, read_json

if TYPE_CHECKING:
    from torch import Tensor

_TIMM, _CONFIG = "timm", "config.json"  # what timm writes beside weights that it saves for the hub
_COUNTERS = ".num_batches_tracked"  # of normalisations, which some files leave out
_PUBLISHED = "auto:"  # before published networks that are compared, joined by +
_SOURCES = "a folder of regnas, a .safetensors file with its architecture.json beside it, or NAME:REST of {}"


@dataclass(frozen=True, eq=False)
class Pretrained:
    """Weights as another program has them.

    Attributes:
        state: tensors by its names.
        classes: outputs of the network.
        mean, std: of each channel of its pictures, in units of 0..255; None where it does not say.
    """

    state: Mapping[str, Tensor]
    classes: int
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


@runtime_checkable
class SupportsPretrained(Protocol):
    """A format whose program brings trained weights for the names that it reads."""

    def pretrained(self, name: str) -> Pretrained:
        """The weights of a name, fetched if they are not there.

        Raises:
            HostError: the program is not installed.
            RegnasError: it has no weights of this name, or they cannot be fetched.
        """


@runtime_checkable
class SupportsPublished(Protocol):
    """A format whose program can say which of the names that it reads have trained weights."""

    def published(self) -> Sequence[str]:
        """These names; no weights are fetched. None where the program is not installed."""


@dataclass(frozen=True, eq=False)
class Source:
    """A trained network to begin with.

    Attributes:
        text: as the user named it.
        state: tensors by the names that they have here.
        mean, std: of each channel of the pictures that it was trained on, in units of 0..255: one channel or three;
            None where that is not known.
        class_names: of its outputs; None where they are not known.
        digest: of all of it: equal ones are equal sources, wherever they lie.
        learned: spec of the data set of which it has learned all images but the test images, as ``regnas train`` does;
            None where that is not known.
    """

    text: str
    architecture: Architecture
    state: Mapping[str, Tensor]
    digest: str
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    class_names: tuple[str, ...] | None = None
    learned: str | None = None


def load_source(text: str) -> Source:
    """The trained network that a text names.

    Raises:
        UsageError: it names none.
        RegnasError: its weights are not there, damaged, or of another network.
    """
    path = Path(text)
    name, colon, rest = text.partition(":")
    if not path.exists() and colon and rest and name in registry.installed("format"):
        return _of_program(text, name, rest)
    if not path.exists():
        raise UsageError(f"no weights to begin with at {text!r}: name {_SOURCES.format(_programs())}")
    folder = path if path.is_dir() else path.parent
    if path.is_dir() and not (folder / weights.ARCHITECTURE).exists() and (folder / "best").is_dir():
        folder = path = folder / "best"  # a search's winner
    file = _weights_in(path) if path.is_dir() else path
    if (folder / _CONFIG).exists() and not _beside(path):
        return _of_timm_folder(text, file, folder / _CONFIG)
    return _of_folder(text, file, _beside(path))


def load_sources(text: str) -> list[Source]:
    """The trained network that a text names, or those that `as_published` joined; errors as of `load_source`."""
    if not is_published(text):
        return [load_source(text)]
    return [load_source(one) for one in text.removeprefix(_PUBLISHED).split("+")]


def as_published(sources: Sequence[str]) -> str:
    """Several published networks as one text: every network takes from the one that it takes most of, or begins anew
    where nothing fits it.
    """
    return _PUBLISHED + "+".join(sources)


def is_published(text: str) -> bool:
    """Whether `as_published` made a text."""
    return text.startswith(_PUBLISHED)


def published() -> list[tuple[str, Architecture]]:
    """All published networks with trained weights that installed programs know, by ``NAME:REST``; an architecture that
    several have is there once.
    """
    found: dict[str, tuple[str, Architecture]] = {}
    for program in sorted(registry.installed("format"), key=lambda name: name != _TIMM):
        made = _made(program)
        if isinstance(made, SupportsPublished) and isinstance(made, SupportsImport):
            for name in made.published():
                network = made.read(name)[0]
                found.setdefault(network.key(), (f"{program}:{name}", network))
    return list(found.values())


def with_classes(architecture: Architecture, classes: int) -> Architecture:
    """The network with another number of outputs; as it is where its kind has none to change."""
    value = architecture.to_json()
    return from_json({**value, "classes": classes}) if "classes" in value else architecture


def _programs() -> str:
    names = [name for name in registry.installed("format") if isinstance(_made(name), SupportsPretrained)]
    return " or ".join(names) or "a program"


def _made(name: str) -> Any:
    try:
        return make_format(name)
    except RegnasError:
        return None


def _of_program(text: str, name: str, rest: str) -> Source:
    made: Any = make_format(name)
    if not all(isinstance(made, one) for one in (SupportsImport, SupportsWeights, SupportsPretrained)):
        raise UsageError(f"{name} brings no trained weights; name {_SOURCES.format(_programs())}")
    architecture, found = made.read(rest)[0], made.pretrained(rest)
    architecture = with_classes(architecture, found.classes)
    return _source(text, architecture, _renamed(text, made, found.state, architecture), found.mean, found.std)


def _weights_in(folder: Path) -> Path:
    """The file of weights in a folder."""
    known = [folder / name for name in (weights.WEIGHTS, "model.safetensors")]
    return next((file for file in known if file.exists()), known[0])


def _beside(path: Path) -> Path | None:
    """The file that says of which architecture weights are; None where there is none."""
    folder = path if path.is_dir() else path.parent
    own = [] if path.is_dir() else [path.with_suffix(".json")]
    return next((file for file in (*own, folder / weights.ARCHITECTURE) if file.exists()), None)


def _of_timm_folder(text: str, file: Path, config: Path) -> Source:
    """What timm's ``save_for_hf`` writes: ``config.json`` names the network, and how its pictures are normalised."""
    said = read_fields(config, RegnasError, architecture=str, num_classes=int | None, pretrained_cfg=dict | None)
    made, told = make_format(_TIMM), said["pretrained_cfg"] or {}
    if not (isinstance(made, SupportsImport) and isinstance(made, SupportsWeights)):
        raise UsageError(f"{config} is of timm, whose format is not installed")
    architecture = made.read(said["architecture"])[0]
    classes = said["num_classes"] or told.get("num_classes")
    architecture = with_classes(architecture, classes) if isinstance(classes, int) else architecture
    state = _renamed(text, made, weights.read_state(file), architecture)
    return _source(text, architecture, state, in_bytes(told.get("mean")), in_bytes(told.get("std")))


def _of_folder(text: str, file: Path, beside: Path | None) -> Source:
    if beside is None:
        raise UsageError(
            f"{file.parent} does not say of which network {file.name} are the weights: put its architecture.json "
            f"beside it, as regnas export --format json writes it"
        )
    architecture, state = weights.read_architecture(beside), weights.read_state(file)
    value = read_json(beside, RegnasError)
    facts = value if isinstance(value, dict) and "architecture" in value else {}
    if not set(_shapes(architecture)) & set(state):
        state = _of_any_format(text, state, architecture)
    names, data = facts.get("class_names"), facts.get("data")
    whole = isinstance(data, str) and "validation_error" not in facts  # else a search trained it
    found = _source(
        text,
        architecture,
        _checked(text, state, architecture),
        _numbers(facts.get("mean")),
        _numbers(facts.get("std")),
        tuple(map(str, names)) if isinstance(names, list) else None,
    )
    return replace(found, learned=data) if whole else found


def _of_any_format(text: str, state: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Tensor]:
    """Tensors that have the names of another program."""
    for name in formats_of(architecture.kind):
        made = make_format(name)
        if isinstance(made, SupportsWeights):
            try:
                return _renamed(text, made, state, architecture)
            except RegnasError:
                continue
    raise _other_network(text, "no tensor has a name of it, here or in another program")


def _renamed(
    text: str, made: SupportsWeights, state: Mapping[str, Tensor], architecture: Architecture
) -> dict[str, Tensor]:
    names = [name for name in _shapes(architecture) if not name.endswith(_COUNTERS) or _counts(state)]
    try:
        found = made.import_weights(state, names)
    except ValueError as error:
        raise _other_network(text, str(error)) from error
    return _checked(text, found, architecture)


def _counts(state: Mapping[str, Tensor]) -> bool:
    return any(name.endswith(_COUNTERS) for name in state)


def _shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The shapes of a network's tensors, by name."""
    import torch

    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in architecture.build().state_dict().items()}


def _checked(text: str, state: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Tensor]:
    """The tensors of a network, none too few and each of its shape."""
    import torch

    found = {}
    for name, shape in _shapes(architecture).items():
        counter = name.endswith(_COUNTERS) and not _counts(state)
        tensor = torch.zeros((), dtype=torch.long) if counter else state.get(name)
        if tensor is None or tuple(tensor.shape) != shape:
            what = "missing" if tensor is None else f"of the shape {list(tensor.shape)}, and it is of {list(shape)}"
            raise _other_network(text, f"{name} is {what}")
        found[name] = tensor.detach().cpu().contiguous()
    return found


def _other_network(text: str, why: str) -> RegnasError:
    return RegnasError(f"{text} does not hold the weights of the network that it names: {why}")


def in_bytes(values: object) -> tuple[float, ...] | None:
    """Numbers for pixels of 0..1, as other programs have them, for pixels of 0..255; None where they are none."""
    found = _numbers(list(values) if isinstance(values, list | tuple) else None)
    return None if found is None else tuple(255.0 * value for value in found)


def _numbers(values: object) -> tuple[float, ...] | None:
    """A number for each channel, of one or three; None where there are none."""
    if not isinstance(values, list) or len(values) not in (1, 3):
        return None
    return tuple(map(float, values)) if all(isinstance(one, int | float) for one in values) else None


def _source(
    text: str,
    architecture: Architecture,
    state: Mapping[str, Tensor],
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    class_names: tuple[str, ...] | None = None,
) -> Source:
    if mean is None or std is None or len(mean) != len(std) or min(std) <= 0:
        mean = std = None
    said = {"mean": mean, "std": std, "class_names": class_names}
    digest = hashlib.sha256(f"{canonical(architecture.to_json())} {json.dumps(said)}".encode())
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes() if tensor.element_size() > 2 else tensor.float().numpy().tobytes())
    return Source(text, architecture, state, digest.hexdigest()[:16], mean, std, class_names)
