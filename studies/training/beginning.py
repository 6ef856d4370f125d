"""A training that begins with trained weights: its recipe, and how much of the network comes from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from regnas.architecture import Architecture
from regnas.dataset import DataSet
from regnas.errors import UsageError
from regnas.studies.search.known.beginning import source_of

if TYPE_CHECKING:
    from regnas.evaluators.training.options.start import Start
    from regnas.evaluators.training.recipe import Recipe


_NEW = "; it trains at the learning rate of new networks"


def begun(
    recipe: Recipe,
    architecture: Architecture,
    images: DataSet,
    init: str | Path | None,
    learning_rate: float | None,
) -> tuple[Recipe, str | None]:
    """The recipe of a training, and what it begins with in words: None where that is new weights.

    Args:
        recipe: that of a study or of a data set; a study's may name weights itself.
        init: the weights that the user names; None for the recipe's.
        learning_rate: that the user chose; None for the recipe's, or a tenth of it where the user names weights.

    Raises:
        UsageError: nothing of the weights fits the network, or no such learning rate.
        RegnasError: weights that cannot be read, or others than the study's were.
    """
    from regnas.evaluators.training.options.start import start_of

    if learning_rate is not None:
        recipe = replace(recipe, learning_rate=learning_rate, rate_of_new=0.0)
    if init is not None:
        recipe = _named(recipe, source_of(str(init)), said=learning_rate is not None)
    start = start_of(recipe, images.class_names)
    if start is None:
        return recipe, None
    recipe = replace(recipe, init_digest=start.digest)
    own = start.of(architecture)
    slow = start.recipe(recipe, architecture) == recipe
    return recipe, _said(own, architecture, named=init is not None) + ("" if slow else _NEW)


def _named(recipe: Recipe, source: str, *, said: bool) -> Recipe:
    """The recipe with other weights; where it has these already, its learning rate is for them."""
    if recipe.init == source:
        return replace(recipe, init_digest="")
    return recipe.begun_with(source, said=("learning_rate",) if said or recipe.init else ())


def _said(start: Start, architecture: Architecture, *, named: bool) -> str:
    """How much is taken.

    Raises:
        UsageError: nothing of weights that the user named.
    """
    source, taken = start.source, start.taken(architecture)
    if not taken.tensors and named:
        kinds = source.architecture.kind, architecture.kind
        why = "its blocks are others" if kinds[0] == kinds[1] else f"weights are of the kind {kinds[0]}"
        raise UsageError(
            f"nothing of {source.text} fits this network of the kind {architecture.kind}: {why}; name other weights "
            f"with --init"
        )
    if not taken.tensors:
        return f"begins anew: nothing of {source.text} fits it"
    pixels = "" if source.mean is not None else "; their normalisation of pixels is not known, the images' own is taken"
    head = "" if start.same_classes else ", the last layer is new"
    return f"begins with {source.text}: {taken.said()} come from it{head}{pixels}"
