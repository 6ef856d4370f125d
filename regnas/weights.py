"""Networks on disk: an architecture's JSON beside its weights, and `regnas.load` that reads both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from regnas.architecture import Architecture, from_json
from regnas.errors import RegnasError
from regnas.system.files import replacing, write_json
from regnas.system.reading import read_bytes, read_fields, read_json

if TYPE_CHECKING:
    import torch

    from regnas.prediction import Predictor

    class TrainedNetwork(torch.nn.Module):
        """What `load` returns: a module that also reads pictures."""

        predict: Predictor


WEIGHTS = "weights.safetensors"
ARCHITECTURE = "architecture.json"


def save(network: torch.nn.Module, folder: Path) -> None:
    """Write the weights of a network, whole or not at all."""
    from safetensors.torch import save_file

    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with replacing(folder / WEIGHTS) as partial:
        save_file(state, partial)


def load_into(network: torch.nn.Module, folder: Path) -> None:
    """Read weights written by `save`.

    Raises:
        RegnasError: no weights, or of another network.
    """
    path = folder / WEIGHTS
    state = read_state(path)
    try:
        network.load_state_dict(state)
    except Exception as error:  # torch raises more than one kind for weights of another network
        raise RegnasError(f"{path} does not hold the weights of this architecture: {error}") from error


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file by name.

    Raises:
        RegnasError: it is not there, or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    if not path.exists():
        raise RegnasError(f"no weights at {path}; train them with: regnas train")
    try:
        return load(read_bytes(path, RegnasError))
    except (SafetensorError, ValueError, KeyError) as error:
        raise RegnasError(f"{path} holds no weights: it is truncated or damaged ({error}); make it anew") from error


def save_architecture(architecture: Architecture, folder: Path, details: dict[str, Any]) -> None:
    """Write the architecture, with details a user of the network needs, such as its classes and normalisation."""
    write_json(folder / ARCHITECTURE, {"architecture": architecture.to_json(), **details})


def read_architecture(path: Path) -> Architecture:
    """The architecture in a folder, or in a JSON file with or without a wrapper around it.

    Raises:
        RegnasError: no such file, or no JSON.
        InvalidArchitecture: no network can have these numbers.
    """
    value = read_json(path / ARCHITECTURE if path.is_dir() else path, RegnasError)
    if isinstance(value, dict) and "architecture" in value:
        value = value["architecture"]
    return from_json(value)


def load(folder: str | Path) -> TrainedNetwork:
    """The trained network in a folder, in evaluation mode.

    Args:
        folder: written by ``regnas search`` (``.../best``) or ``regnas train``.

    Returns:
        A module from ``(n, 3, height, width)``, normalised as ``architecture.json`` says, to logits. Its ``predict``
        takes files of pictures instead, and says names and probabilities (`regnas.prediction.Predictor`).
    """
    from regnas.prediction import Predictor

    where = Path(folder)
    network = cast("TrainedNetwork", read_architecture(where).build())
    load_into(network, where)
    file = where / ARCHITECTURE
    network.predict = Predictor(network.eval(), read_fields(file, RegnasError), str(file))
    return network
