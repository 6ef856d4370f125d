"""The trained network that a command names, with what lies beside its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regnas import weights
from regnas.errors import RegnasError
from regnas.system.reading import read_fields

if TYPE_CHECKING:
    from regnas.prediction import Predictor


@dataclass(frozen=True)
class Trained:
    """A folder with a trained network.

    Attributes:
        facts: what architecture.json says.
        others: folders of other trainings of the same network, where its study was named.
    """

    folder: Path
    facts: dict[str, Any]
    others: tuple[Path, ...] = ()

    @property
    def data(self) -> str | None:
        """The spec of the data set that it was trained on."""
        found = self.facts.get("data")
        return found if isinstance(found, str) else None

    @property
    def remark(self) -> str | None:
        """What a user should hear who named a study that has several trainings of its winner."""
        if not self.others:
            return None
        return f"the winner as trained in {self.folder}; others: {', '.join(map(str, self.others))}"

    def load(self, threads: int = 1) -> Predictor:
        """The network, ready on the CPU.

        Raises:
            RegnasError: weights or preprocessing that cannot be read.
        """
        import torch

        torch.set_num_threads(threads)
        predictor = weights.load(self.folder).predict
        _ = predictor.preprocessing  # what is wrong with it is said before any picture is read
        return predictor


def find_trained(target: str) -> Trained:
    """The trained network of a folder of ``regnas train``, or of a file in one; of a study's folder its winner, as it
    was trained last: longer than in the search, where it was.

    Raises:
        RegnasError: there is none, and where one may be.
    """
    path = Path(target)
    if not path.exists():
        raise RegnasError(f"there is no {target}; name the folder of a search or of a training, below regnas-runs")
    folder = path if path.is_dir() else path.parent
    others: tuple[Path, ...] = ()
    if studied := (folder / "best.json").exists():
        final = sorted(folder.glob(f"final-*/{weights.WEIGHTS}"), key=lambda file: (file.stat().st_mtime, file))
        folders = (folder / "best", *(file.parent for file in final))
        folder, others = folders[-1], folders[:-1]
    if not (folder / weights.WEIGHTS).exists():
        raise RegnasError(f"{folder} holds no {weights.WEIGHTS}; {_way_to_weights(folder, target, studied)}")
    return Trained(folder, read_fields(folder / weights.ARCHITECTURE, RegnasError), others)


def _way_to_weights(folder: Path, target: str, studied: bool) -> str:
    if studied or (folder / weights.ARCHITECTURE).exists():
        return f"train the network: regnas train {target}"
    return "regnas train leaves them there, and regnas find at its end: the same command goes on with one"
