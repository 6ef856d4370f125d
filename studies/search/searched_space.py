"""The space that a search is in: in the regime of its images, measured where candidates compute, as its study began."""

from __future__ import annotations

from regnas.dataset import DataSet
from regnas.design_space import Space
from regnas.evaluator import Evaluator, SupportsTable
from regnas.functions import SupportsFunctions
from regnas.sampling import costing
from regnas.studies.executors.resources import AUTO, Allocation
from regnas.studies.run.clock import UNLIMITED
from regnas.studies.search.budget import CANDIDATES
from regnas.studies.search.identity import study_name
from regnas.studies.search.regime import in_reach, in_regime, in_upper_half, priced
from regnas.studies.search.request import SearchRequest
from regnas.studies.search.stream_version import stored_space, stored_version, stored_window
from regnas.window import Window

LOOK_AHEAD = 1000  # distinct candidates that must exist are looked for before any training, up to this many


def placed(
    asked: SearchRequest, evaluator: Evaluator, data: DataSet | None, allocation: Allocation, *, pruner: str, url: str
) -> tuple[str, Space]:
    """The study's name, and the space that it is in; in the whole of what is only a limit, as yet (see `halved`)."""
    space = in_regime(asked.space, evaluator, data, asked.window)
    space = priced(in_reach(space) if data is not None and _unsaid(asked) else space, asked.sought)
    space = _trained(asked, evaluator, space, pruner, url)
    return _named(asked, _measuring(space, allocation, asked), pruner, url)


def halved(
    asked: SearchRequest, space: Space, budget: int, url: str, name: str, data: DataSet
) -> tuple[Space, tuple[str, ...]]:
    """The space in the upper half of what is only a limit, and remarks on its window (see `in_upper_half`)."""
    if _unsaid(asked) and space.window.flops != (usual := Window.parse(flops=data.regime.flops).flops):
        return space, (
            f"no network of {space.spec} is as small as the window of these images, {usual}: its smallest are "
            f"searched, {space.window}; --flops sets another limit",
        )
    if not _limited(asked):
        return space, ()
    began, count = stored_window(url, name), min(budget, LOOK_AHEAD) if budget < UNLIMITED else CANDIDATES
    return in_upper_half(space, count, seed=asked.seed, duplicates=asked.duplicates, began=began)


def _unsaid(asked: SearchRequest) -> bool:
    """Whether neither the user nor the space says a window, so that the data set's own counts."""
    return asked.window.open and asked.space.window.open


def _limited(asked: SearchRequest) -> bool:
    """Whether a window was asked for that may mean its upper half: not with a sampler or with networks that a user made
    for the whole of it.
    """
    return not _unsaid(asked) and asked.upper_half and isinstance(asked.strategy, str) and asked.enqueue is None


def _measuring(space: Space, allocation: Allocation, asked: SearchRequest) -> Space:
    """The space; what its window limits and no closed form says is measured where candidates compute, if it is here, as
    was asked.
    """
    here = not allocation.engine.remote and allocation.devices[0] != AUTO
    space = space.on_device(allocation.devices[0]) if space.measures and here else space
    return costing.metered(space, asked.measuring, asked.place.out)


def measured_on(space: Space) -> str | None:
    """Where and how costs are measured; None where all are closed forms."""
    said = [meter.said(space.device) for name in space.measures if (meter := costing.meter_of(space, name)) is not None]
    return "; ".join(said) or (space.device if space.measures else None)


def _trained(asked: SearchRequest, evaluator: Evaluator, space: Space, pruner: str, url: str) -> Space:
    """The space in which equal functions are one network; the space itself where a table holds every network, where a
    study of an earlier release began in it, and where a user made the sampler for it.
    """
    looked_up = isinstance(evaluator, SupportsTable) or not isinstance(asked.strategy, str)
    if looked_up or not isinstance(space, SupportsFunctions) or (found := space.to_train()).spec == space.spec:
        return space
    first = study_name(space, asked.label, asked.seed, 0, pruner, asked.also)
    names = [asked.place.study or study_name(space, asked.label, asked.seed, asked.repeat, pruner, asked.also), first]
    begun = (stored_space(url, name) for name in names[: 1 + bool(asked.repeat)])
    return space if space.spec in begun else found


def _named(asked: SearchRequest, space: Space, pruner: str, url: str) -> tuple[str, Space]:
    """The study's name, and the space on the version of the stream that a study of this name began with."""
    name = asked.place.study or study_name(space, asked.label, asked.seed, asked.repeat, pruner, asked.also)
    names = (name, study_name(space, asked.label, asked.seed, 0, pruner, asked.also)) if asked.repeat else (name,)
    return name, space.on_stream(stored_version(url, *names) or space.stream_version)
