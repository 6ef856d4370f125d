"""The state of a training that was told to stop and may go on: on disk whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from regnas.evaluators.training.loop import Trainer
from regnas.system.files import replacing
from regnas.system.reading import open_file

_FILE = "paused.pt"


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a training did before it stopped.

    Attributes:
        errors: validation error after each epoch.
        seconds: of training.
        loss: of the last epoch; None where it is not known.
    """

    errors: tuple[float, ...] = ()
    seconds: float = 0.0
    loss: float | None = None


def save(folder: Path, trainer: Trainer, past: Past, identity: dict[str, Any]) -> None:
    """Write a snapshot, whole or not at all.

    Args:
        identity: plain values that say which training this is.
    """
    known = {"errors": list(past.errors), "seconds": past.seconds, "loss": past.loss}
    with replacing(folder / _FILE) as partial:
        torch.save({"identity": identity, "trainer": trainer.state(), **known}, partial)


def resume(folder: Path, trainer: Trainer, identity: dict[str, Any], device: torch.device) -> Past:
    """Go on from the snapshot of this very training; an empty past where there is none that can be read."""
    try:
        with open_file(folder / _FILE) as file:
            stored = torch.load(file, map_location=device, weights_only=True)
        same = stored["identity"] == identity
        past = Past(errors=tuple(stored["errors"]), seconds=stored["seconds"], loss=stored.get("loss"))
        state = {**stored["trainer"], "order": stored["trainer"]["order"].cpu()}  # drawn on the CPU everywhere
    except Exception:  # no file, or torch raises one of many kinds: then the training starts from the beginning
        return Past()
    if not same:
        return Past()
    trainer.load(state)
    return past


def remove(folder: Path) -> None:
    """The training has ended: its weights are what is left."""
    (folder / _FILE).unlink(missing_ok=True)
