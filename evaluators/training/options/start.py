"""What a training begins with where its recipe names trained weights: these, and their normalisation of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from regnas.architecture import Architecture
from regnas.dataset import Split, whole_of
from regnas.errors import RegnasError
from regnas.evaluators.training.batches import statistics
from regnas.evaluators.training.options.transfer import Taken, take
from regnas.evaluators.training.recipe import Recipe
from regnas.pretrained import Source, is_published, load_sources

_LITTLE = 0.1  # of a network's parameters: one that takes less begins anew, nearly


@dataclass(frozen=True, eq=False)
class Start:
    """Trained weights for networks of some classes.

    Attributes:
        others: further sources; every network takes from the one that it takes most of.
        published: whether these are published networks that are compared (`regnas.pretrained.as_published`).
        fits: whether the network that it is for takes anything; pixels are normalised alike in any case.
    """

    source: Source
    class_names: tuple[str, ...]
    others: tuple[Source, ...] = ()
    published: bool = False
    fits: bool = True

    @property
    def sources(self) -> tuple[Source, ...]:
        """All of them."""
        return (self.source, *self.others)

    @property
    def digest(self) -> str:
        """Of all of them."""
        return "+".join(one.digest for one in self.sources)

    def of(self, architecture: Architecture) -> Start:
        """The start with the one source that a network takes most of, the first of equals."""
        if not self.published:
            return self
        ones = [Start(one, self.class_names) for one in self.sources]
        return max(ones, key=lambda one: one.taken(architecture).share)

    @property
    def same_classes(self) -> bool:
        """Whether outputs mean what they meant: equal names, or an equal number where names are not known."""
        if self.source.class_names is not None:
            return self.source.class_names == self.class_names
        return bool(self.source.architecture.to_json().get("classes") == len(self.class_names))

    def begin(self, network: nn.Module, architecture: Architecture) -> Taken:
        """Let a new network begin with what fits; see `regnas.evaluators.training.options.transfer`."""
        own = self.of(architecture)
        source = own.source
        return take(network, architecture, source.architecture, source.state, same_classes=own.same_classes)

    def taken(self, architecture: Architecture) -> Taken:
        """How much a network of this architecture takes; none is made."""
        with torch.device("meta"):
            return self.begin(architecture.build(), architecture)

    def recipe(self, recipe: Recipe, architecture: Architecture) -> Recipe:
        """The recipe for a network: one that takes little trains at the rate of new networks."""
        if not recipe.rate_of_new or self.taken(architecture).share >= _LITTLE:
            return recipe
        return replace(recipe, learning_rate=recipe.rate_of_new)

    def remarks(self, data: str) -> tuple[str, ...]:
        """What a user should hear before networks are compared on the validation images of a data set, by its spec."""
        return tuple(
            f"{one.text} has learned the validation images of {one.learned}: errors on them will be too low, the "
            f"lower the more a network takes of it; begin with what a search left in its folder best, or with weights "
            f"of other images"
            for one in self.sources
            if one.learned is not None and whole_of(one.learned) == whole_of(data)
        )

    def facts(self) -> dict[str, Any]:
        """What is kept of it beside weights: JSON values. Of published networks each, below ``sources``."""
        if self.published:
            ones = [Start(one, self.class_names).facts()["init"] for one in self.sources]
            return {"init": {"source": ", ".join(one["source"] for one in ones), "sources": ones}}
        source = self.source
        return {
            "init": {
                "source": source.text,
                "digest": source.digest,
                "same_classes": self.same_classes,
                "architecture": source.architecture.to_json(),
            }
        }


def start_of(recipe: Recipe, class_names: Sequence[str]) -> Start | None:
    """What a training by this recipe begins with; None where that is new weights.

    Raises:
        UsageError: the recipe names nothing that there is.
        RegnasError: weights that cannot be read, or others than the recipe's were.
    """
    if not recipe.init:
        return None
    first, *others = load_sources(recipe.init)
    start = Start(first, tuple(class_names), tuple(others), is_published(recipe.init))
    if recipe.init_digest and start.digest != recipe.init_digest:
        raise RegnasError(
            f"the weights at {recipe.init} are others than those that this began with (digest {start.digest}, not "
            f"{recipe.init_digest}); put these back, or begin anew under another name"
        )
    return start


@dataclass(frozen=True, eq=False)
class Normalisation:
    """What pixels are normalised by.

    Attributes:
        mean, std: ``(channels,)`` in units of 0..255; three of grey images where the weights that are begun with saw
            colours, whose numbers differ between channels.
        channels: of the images, one or three.
    """

    mean: Tensor
    std: Tensor
    channels: int

    @property
    def numbers(self) -> dict[str, Any]:
        """What `regnas.evaluators.training.batches.Batches` takes."""
        return {"mean": self.mean, "std": self.std}

    def facts(self) -> dict[str, Any]:
        """What is kept of it beside weights, JSON values (`regnas.preprocessing`)."""
        grey = {"channels": self.channels} if self.channels < len(self.mean) else {}
        return {"mean": self.mean.tolist(), "std": self.std.tolist(), **grey}


def start_for(recipe: Recipe, class_names: Sequence[str], architecture: Architecture) -> tuple[Start | None, Recipe]:
    """What one network begins with, and its recipe; errors as of `start_of`."""
    start = start_of(recipe, class_names)
    if start is None:
        return None, recipe
    own = replace(start.of(architecture), fits=start.taken(architecture).tensors > 0)
    return own, start.recipe(recipe, architecture)


def begun(normalised: Normalisation, start: Start | None) -> dict[str, Any]:
    """What is kept beside weights of how their training began, JSON values."""
    return {**normalised.facts(), **({} if start is None or not start.fits else start.facts())}


def normalisation(split: Split, start: Start | None) -> Normalisation:
    """That of the weights that are begun with, where it is known, else that of the images."""
    channels = split.images.shape[1]
    if start is None or start.source.mean is None or start.source.std is None:
        return Normalisation(*statistics(split), channels)
    mean, std = torch.tensor(start.source.mean), torch.tensor(start.source.std)
    if channels == 1 and bool((mean == mean[0]).all() and (std == std[0]).all()):
        return Normalisation(mean[:1], std[:1], channels)
    return Normalisation(mean.expand(3).clone(), std.expand(3).clone(), channels)
