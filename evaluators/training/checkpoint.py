"""The state of a training that was told to stop and may go on: on disk whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from regnas.evaluators.training.loop import Trainer

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
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{_FILE}.part"
    known = {"errors": list(past.errors), "seconds": past.seconds, "loss": past.loss}
    torch.save({"identity": identity, "trainer": trainer.state(), **known}, partial)
    partial.replace(folder / _FILE)


def resume(folder: Path, trainer: Trainer, identity: dict[str, Any], device: torch.device) -> Past:
    """Go on from the snapshot of this very training; an empty past where there is none that can be read."""
    try:
        stored = torch.load(folder / _FILE, map_location=device, weights_only=True)
        same = stored["identity"] == identity
    except Exception:  # no file, or torch raises one of many kinds: then the training starts from the beginning
        return Past()
    if not same:
        return Past()
    state = stored["trainer"]
    trainer.load({**state, "order": state["order"].cpu()})  # the order of the images is drawn on the CPU everywhere
    return Past(errors=tuple(stored["errors"]), seconds=stored["seconds"], loss=stored.get("loss"))


def remove(folder: Path) -> None:
    """The training has ended: its weights are what is left."""
    (folder / _FILE).unlink(missing_ok=True)
