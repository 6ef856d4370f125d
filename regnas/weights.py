"""Networks on disk: an architecture's JSON beside its weights, and `regnas.load` that reads both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regnas.architecture import Architecture, from_json
from regnas.errors import RegnasError
from regnas.system.files import write_json

if TYPE_CHECKING:
    import torch

WEIGHTS = "weights.safetensors"
ARCHITECTURE = "architecture.json"


def save(network: torch.nn.Module, folder: Path) -> None:
    """Write the weights of a network, whole or not at all."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    partial = folder / f"{WEIGHTS}.part"
    save_file(state, partial)
    partial.replace(folder / WEIGHTS)


def load_into(network: torch.nn.Module, folder: Path) -> None:
    """Read weights written by `save`.

    Raises:
        RegnasError: no weights, or of another network.
    """
    from safetensors.torch import load_file

    path = folder / WEIGHTS
    try:
        network.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise RegnasError(f"no weights at {path}; train them with: regnas train") from None
    except Exception as error:
        raise RegnasError(f"{path} does not hold the weights of this architecture: {error}") from error


def save_architecture(architecture: Architecture, folder: Path, details: dict[str, Any]) -> None:
    """Write the architecture, with details a user of the network needs, such as its classes and normalisation."""
    write_json(folder / ARCHITECTURE, {"architecture": architecture.to_json(), **details})


def read_architecture(path: Path) -> Architecture:
    """The architecture in a folder, or in a JSON file with or without a wrapper around it.

    Raises:
        RegnasError: no such file, or not JSON.
        InvalidArchitecture: no network can have these numbers.
    """
    file = path / ARCHITECTURE if path.is_dir() else path
    try:
        value = json.loads(file.read_text())
    except OSError as error:
        raise RegnasError(f"cannot read an architecture from {file}: {error.strerror}") from error
    except ValueError as error:
        raise RegnasError(f"{file} is not JSON: {error}") from error
    if isinstance(value, dict) and "architecture" in value:
        value = value["architecture"]
    return from_json(value)


def load(folder: str | Path) -> torch.nn.Module:
    """The trained network in a folder, in evaluation mode.

    Args:
        folder: written by ``regnas search`` (``.../best``) or ``regnas train``.

    Returns:
        A module from ``(n, 3, height, width)``, normalised as ``architecture.json`` says, to logits.
    """
    where = Path(folder)
    network = read_architecture(where).build()
    load_into(network, where)
    return network.eval()
