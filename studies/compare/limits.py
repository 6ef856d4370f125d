"""What must not be read into the verdicts of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from regnas.studies.populations.population import Population
from regnas.system.text import counted

_LONGER = 3  # times as many epochs are proposed to see whether a verdict holds


def limits(populations: Sequence[Population], names: Sequence[str]) -> list[str]:
    """That short trainings were compared, and what tells whether longer ones agree; nothing where no number of epochs
    is known, as where nothing is trained.

    Args:
        names: of the populations, as sentences have them.
    """
    known = [epochs_of(one) for one in populations]
    epochs = sorted({each for each in known if each is not None})
    if not epochs:
        return []
    if len(epochs) == 1 and None not in known:
        said = f"Networks were compared by trainings of {counted(epochs[0], 'epoch')}."
    else:
        listed = ", ".join(
            f"{name} {'not on record' if each is None else each}" for name, each in zip(names, known, strict=True)
        )
        said = f"Networks were compared by trainings of these epochs: {listed}."
    longer = "Whether longer ones agree was not measured"
    if all(_recipe_epochs(one) is not None for one in populations):
        # Only what was trained by a recipe can be trained longer by a flag.
        longer += (
            f": regnas compare --space ... --epochs {_LONGER * epochs[-1]}, with all other flags as they were, would "
            f"tell"
        )
    return [f"{said} {longer}."]


def epochs_of(population: Population) -> int | None:
    """Epochs that its networks were trained for: those of its recipe, else of its longest curve; None where neither
    is known.
    """
    said = _recipe_epochs(population)
    if said is not None:
        return said
    seen = np.flatnonzero(np.isfinite(population.curves).any(axis=(0, 1)))
    return int(seen[-1]) + 1 if len(seen) else None


def _recipe_epochs(population: Population) -> int | None:
    recipe = population.settings.get("recipe")
    epochs = recipe.get("epochs") if isinstance(recipe, Mapping) else None
    return epochs if isinstance(epochs, int) and not isinstance(epochs, bool) and epochs > 0 else None
