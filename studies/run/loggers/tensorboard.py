"""``--log tensorboard``: curves of a search for TensorBoard, in the folder of the study.

``tensorboard --logdir regnas-runs`` shows them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regnas.logger import LoggedStudy, Logger, own_options
from regnas.system.optional import require

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"


class TensorBoardLogger:
    """A curve for every number over the candidates, one of the best so far, and one of epochs for every candidate."""

    def __init__(self, writer: SummaryWriter) -> None:
        self._writer = writer
        self._best = math.inf

    def epoch(self, index: int, epoch: int, error: float) -> None:
        self._writer.add_scalar(f"epochs/candidate {index}", error, epoch)

    def candidate(self, index: int, params: Mapping[str, Any], values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"candidates/{name}", value, index)
        self._best = min(self._best, values.get("objective", values["error"]))
        self._writer.add_scalar("best so far", self._best, index)
        lines = "\n".join(f"    {name}: {value}" for name, value in params.items())
        self._writer.add_text(f"candidate {index}", lines, index)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def make(study: LoggedStudy, options: Mapping[str, Any]) -> Logger:
    """The entry point.

    Raises:
        HostError: TensorBoard is not installed.
        UsageError: an option; it has none.
    """
    own_options(options, "tensorboard", {})
    require("tensorboard", "tensorboard", low="2.12", below="3")
    from torch.utils.tensorboard import SummaryWriter

    return TensorBoardLogger(SummaryWriter(str(study.folder / FOLDER)))
