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
        longer: folders of longer trainings of the same study, where its short-trained winner was named.
    """

    folder: Path
    facts: dict[str, Any]
    longer: tuple[Path, ...] = ()

    @property
    def data(self) -> str | None:
        """The spec of the data set that it was trained on."""
        found = self.facts.get("data")
        return found if isinstance(found, str) else None

    @property
    def remark(self) -> str | None:
        """What a user should hear who named a study that has a longer training, too."""
        if not self.longer:
            return None
        names = ", ".join(map(str, self.longer))
        return f"these are the weights of the search, {self.folder}; trained longer: {names}"

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
    """The trained network of a study's folder (its winner), of a folder of ``regnas train``, or of a file in one.

    Raises:
        RegnasError: there is none, and where one may be.
    """
    path = Path(target)
    if not path.exists():
        raise RegnasError(f"there is no {target}; name the folder of a search or of a training, below regnas-runs")
    folder = path if path.is_dir() else path.parent
    longer: tuple[Path, ...] = ()
    if (folder / "best.json").exists():
        longer = tuple(sorted(one.parent for one in folder.glob(f"final-*/{weights.WEIGHTS}")))
        folder = folder / "best"
    if not (folder / weights.WEIGHTS).exists():
        raise RegnasError(f"{folder} holds no {weights.WEIGHTS}; train the network: regnas train {target}")
    return Trained(folder, read_fields(folder / weights.ARCHITECTURE, RegnasError), longer)
