"""A table: recorded evaluations of chains, the trials.csv of a random search."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files

from regnas.images import Images
from regnas.tables.files import read_trainings
from regnas.tables.trainings import Trainings


class ChainTables:
    """``chain-table/stripes``: 24 random chains by the evaluator ``untrained``, one seed each."""

    data = ("stripes",)

    def trainings(self, data: str) -> Trainings:
        with as_file(files("regnas_chains") / f"{data}.csv") as path:
            return replace(read_trainings(path, f"chain-table/{data}"), images=Images(16, classes=3))
