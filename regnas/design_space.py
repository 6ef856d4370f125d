"""A search space: parameters with a law, and what networks they are.

A space owns its law: `sample` draws from it, conditioned on the window. `distributions` is only an encoding of the
same parameters for model-based samplers.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from regnas.architecture import Architecture
from regnas.candidate import STREAM_VERSION, STREAM_VERSIONS, Candidate
from regnas.condition import Condition, Hierarchy
from regnas.costs import Complexities, Complexity, complexities_of, complexity_of
from regnas.dimension import Array, Dimension
from regnas.errors import InvalidArchitecture, UsageError
from regnas.images import Images
from regnas.measure import load
from regnas.overrides import derived, option_text
from regnas.plugins import registry, spec
from regnas.sampling import costing, points, steps
from regnas.sampling.batch import Batch, Columns, DecodedOneByOne, Narrowing, Params, column, decoded
from regnas.window import Window

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True, kw_only=True)
class Space(ABC):
    """A search space. A subclass says what its `dimensions` are and how it decodes a point.

    Attributes:
        name: as registered in ``regnas.search_spaces``.
        images: resolution, classes and further wishes of the data set.
        window: bounds on costs that `sample`, `suggest` and every strategy respect.
        device, meters: where costs that are no closed forms are measured, such as ``cuda:0``, and by what, by name.
        overrides: what derives this space from the registered one, as in its spec.
        stream_version: how a seed becomes candidates; the law is the same in every version.
    """

    name: str
    images: Images = Images()
    window: Window = Window()
    device: str = "cpu"
    meters: costing.Meters = field(default=(), repr=False, compare=False)
    overrides: tuple[tuple[str, str], ...] = ()
    ties: tuple[tuple[str, str], ...] = ()
    root: Space | None = field(default=None, repr=False, compare=False)
    stream_version: int = STREAM_VERSION

    # How many draws in a row may find nothing before a window counts as impossible.
    patience = 100_000

    # --- what a subclass says -------------------------------------------------------------------------------

    @property
    @abstractmethod
    def dimensions(self) -> Mapping[str, Dimension]:
        """Every parameter with its law, fixed ones included, tied ones not."""

    @abstractmethod
    def decode(self, params: Params) -> Architecture:
        """The network of one complete point, whether or not it lies in the ranges.

        Raises:
            InvalidArchitecture: no network can have these values.
        """

    @abstractmethod
    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        """The same space with another law for one parameter."""

    @property
    def conditions(self) -> Mapping[str, Condition]:
        """Which values of another a parameter is active under, for those that are not always; none unless said."""
        return {}

    def with_option(self, key: str, value: str) -> Self | None:
        """The same space with an option that is no parameter, such as ``block=vr``; None if it has no such option."""
        return None

    def parameters_of(self, key: str) -> Sequence[str]:
        """The parameters that a spec's key stands for; empty if none."""
        return [key] if key in self.dimensions or key in dict(self.ties) else []

    def ordered(self, params: Params) -> Params:
        """The one of several equivalent points that stands for them: what is inactive has its one value.

        A subclass that knows more of them calls this one, too.
        """
        return self.hierarchy.pinned(params) if self.conditions else params

    def ordered_columns(self, columns: Columns) -> Columns:
        """`ordered` of many points; a subclass may do it in arrays."""
        if type(self).ordered is Space.ordered:
            return self.hierarchy.pinned_columns(columns) if self.conditions else columns
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        points = [self.ordered(dict(zip(columns, row, strict=True))) for row in rows]
        return {name: column([one[name] for one in points], values.dtype) for name, values in columns.items()}

    def member(self, params: Params) -> str | None:
        """Why a point of the grid is not in the space, in a word, or None if it is."""
        return None

    def admits(self, cost: Complexities) -> Array:
        """Which networks the space's own limits on what it knows in closed form admit, ``(n,)`` for n networks."""
        return np.ones(cost.networks, dtype=np.bool_)

    @property
    def known_costs(self) -> tuple[str, ...]:
        """Names of the measures that its networks say in closed form, as the first points of the law say.

        A space that says it itself saves these few points each time a window is set.
        """
        return costing.known(self)

    @property
    def narrowing(self) -> Narrowing | None:
        """Proposals narrowed to where the window can be met; None where draws from the law do as well."""
        return None

    def batch(self, columns: Columns) -> Batch:
        """Decode columns of complete points; a subclass may do it in arrays."""
        return DecodedOneByOne(self, columns)

    def sees(self) -> str:
        """What its networks make of the resolution, in words for a search's first lines; nothing by default."""
        return ""

    # --- parameters -----------------------------------------------------------------------------------------

    @property
    def resolution(self) -> int:
        return self.images.resolution

    @property
    def classes(self) -> int:
        return self.images.classes

    @property
    def enumerated(self) -> bool:
        """Whether a list says which networks there are, as of the space of a table."""
        return False

    @property
    def spec(self) -> str:
        """The canonical spec string of this space; equal spaces have equal specs."""
        inner = ",".join(f"{key}={value}" for key, value in self.overrides)
        return f"{self.name}[{inner}]" if inner else self.name

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """An Optuna distribution for every parameter that is free, static and in physical units."""
        return dict(self._distributions)

    @cached_property
    def _distributions(self) -> dict[str, BaseDistribution]:
        return {name: law.distribution() for name, law in self.free.items()}

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """Which parameters are active under which values of others.

        Raises:
            UsageError: the conditions make no sense.
        """
        return Hierarchy(self.dimensions, dict(self.ties), self.conditions)

    @property
    def free(self) -> Mapping[str, Dimension]:
        """The parameters that there are to choose, not fixed and active under a value that others can have."""
        return self.hierarchy.free

    def active(self, params: Mapping[str, Any]) -> Params:
        """Those of a point's parameters that are active: what is shown and written of it."""
        if not self.conditions:
            return dict(params)
        active = set(self.hierarchy.active(params))
        return {name: value for name, value in params.items() if name in active}

    @property
    def defaults(self) -> Params:
        """Values of parameters that a description may leave out."""
        return {name: law.snap(law.draw(np.zeros(1)).tolist()[0]) for name, law in self.dimensions.items() if law.fixed}

    def complete(self, params: Mapping[str, Any]) -> Params:
        """Fill in what is fixed, tied, inactive or has a default.

        Raises:
            UsageError: an unknown or a missing parameter, or a value that is no number.
        """
        return points.complete(self, params)

    def canonical(self, params: Mapping[str, Any]) -> Params:
        """The point of the grid nearest to ``params``, complete; canonical points stay as they are."""
        tied = dict(self.ties)
        whole = self.complete({name: value for name, value in params.items() if name not in tied})
        snapped = {name: law.snap(whole[name]) for name, law in self.dimensions.items()}
        return self.ordered({**snapped, **{name: snapped[source] for name, source in self.ties}})

    def read(self, params: Mapping[str, Any]) -> Params | None:
        """The canonical point of a trial's parameters, beside which there may be others; None where an active one is
        missing.
        """
        own = {name: params[name] for name in self.free if name in params}
        needed = self.hierarchy.active(own) if len(own) < len(self.free) else ()
        return None if any(name in self.free and name not in own for name in needed) else self.canonical(own)

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Whether a point lies in the space's ranges, rules and limits; the window does not matter.

        What is inactive may be left out. Given, it has its one value, as of `canonical`: any other is no second point.
        """
        return points.contained(self, params)

    def judge(self, params: Params) -> Candidate | None:
        """The candidate of a canonical point, or None if it is outside the space or its window."""
        if self.member(params) is not None:
            return None
        try:
            architecture = decoded(self, params)
        except InvalidArchitecture:
            return None
        cost = complexity_of(architecture, self.resolution)
        if self.window.broken(cost) or not self.admits(Complexities.of([cost])).all():
            return None
        cost, broken = costing.judged(self, architecture, cost)
        return None if broken else Candidate(params=params, architecture=architecture, complexity=cost)

    # --- costs ----------------------------------------------------------------------------------------------

    @property
    def measures(self) -> list[str]:
        """What the window limits and no closed form says; it is measured, one network at a time."""
        asked = [name for name in self.window if not load(name).closed]
        return [name for name in asked if name not in self.known_costs]

    def costs_of(self, batch: Batch) -> Complexities:
        """What the networks of a batch cost in closed form.

        Raises:
            PluginBroken: the batch gives something else than a mapping from names of measures to arrays.
        """
        return complexities_of(batch.complexity(self.resolution), len(batch.rows), self.name)

    def measured(self, architecture: Architecture, cost: Complexity) -> tuple[Complexity, list[str]]:
        """The complexity with what else the window limits, measured, and the bounds that the network breaks.

        Raises:
            UsageError: as `regnas.sampling.costing.measured`.
        """
        return costing.measured(self, architecture, cost)

    # --- sampling -------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator, count: int) -> Columns:
        """``count`` points from the law, before rules and window: each parameter ``(count,)``."""
        return self.at(rng.random((len(self.free), count)))

    def at(self, uniforms: npt.NDArray[np.float64]) -> Columns:
        """The points of the law at these uniforms in [0, 1), before rules and window: each parameter ``(count,)``.

        Args:
            uniforms: ``(free parameters, count)``; however they were made, equal ones are equal points.
        """
        rows = dict(zip(self.free, uniforms, strict=True))
        none = np.zeros(uniforms.shape[1])
        columns = {name: law.draw(rows.get(name, none)) for name, law in self.dimensions.items()}
        tied = {name: columns[source] for name, source in self.ties}
        return self.hierarchy.pinned_columns({**columns, **tied}) if self.conditions else {**columns, **tied}

    def sample(self, n: int = 1, *, seed: int = 0, duplicates: str = "reject") -> list[Candidate]:
        """The first ``n`` candidates of the stream of ``seed``: iid from the law inside the window.

        Raises:
            InfeasibleWindow: the window holds too few networks, or none.
        """
        stream = self.stream(seed=seed, duplicates=duplicates)
        return [next(stream) for _ in range(n)]

    def stream(self, *, seed: int = 0, duplicates: str = "reject") -> Iterator[Candidate]:
        """All candidates of a seed, one after the other, without end."""
        from regnas.sampling.stream import candidates

        return candidates(self, seed=seed, duplicates=duplicates)

    def suggest(self, trial: optuna.trial.Trial) -> Architecture:
        """The architecture of an Optuna trial, for objectives that suggest as they run.

        Only what is active is suggested: a conditional parameter after the one that it depends on.

        Raises:
            optuna.TrialPruned: the sampler is not one of regnas and left the window.
        """
        import optuna

        candidate = self.judge(self.canonical(steps.suggested(self, trial)))
        if candidate is None:
            raise optuna.TrialPruned(f"outside {self.spec} or its window {self.window}; use FeasibleSampler")
        return candidate.architecture

    def mutate(self, params: Params, rng: np.random.Generator) -> Params:
        """One free parameter moved to a neighbouring or to a new value, as a canonical point.

        Only what is active moves. What the move makes active is drawn from its law.
        """
        return steps.mutated(self, params, rng)

    def neighbours(self, params: Params) -> list[Params]:
        """Every canonical point one step in one free parameter away; some may lie outside the space or its window.

        Only what is active moves. What a step makes active has the value it is pinned to elsewhere, the middle of its
        law: further steps lead on from there.
        """
        return steps.neighbours(self, params)

    # --- derived spaces -------------------------------------------------------------------------------------

    def fix(self, **values: Any) -> Self:
        """A space with these parameters or options fixed, tied (``w0="wa"``) or listed (``[8, 16]``)."""
        return self.derive({key: option_text(value) for key, value in values.items()})

    def narrow(self, **ranges: tuple[float, float]) -> Self:
        """A space with other bounds: ``narrow(depth=(12, 20))``."""
        return self.derive({key: f"{low}:{high}" for key, (low, high) in ranges.items()})

    def within(self, window: Window) -> Self:
        """The same law inside a window.

        Raises:
            UsageError: it limits a measure that the networks neither know in closed form nor can be measured by.
        """
        costing.check(self, window)
        return replace(self, window=window)

    def on_device(self, device: str) -> Self:
        """The same law, with costs that are no closed forms measured on a device."""
        return replace(self, device=device)

    def on(self, images: Images) -> Self:
        """The same law on other images."""
        return replace(self, images=images)

    def on_stream(self, version: int) -> Self:
        """The same law by another version of the stream: 1 is that of studies of earlier releases.

        Raises:
            UsageError: there is no such version.
        """
        if version not in STREAM_VERSIONS:
            raise UsageError(f"the stream has the versions {', '.join(map(str, STREAM_VERSIONS))}, got {version!r}")
        return replace(self, stream_version=version)

    def derive(self, options: Mapping[str, str]) -> Self:
        """A space with the options of a spec, such as ``{"wm": "2", "depth": "12:20", "w0": "wa"}``."""
        return derived(self, options)


def make_space(text: str) -> Space:
    """The space of a spec string: ``regnetx``, ``regnetx[wm=2,depth=12:20]`` or, where it takes one, ``table:FILE``.

    Raises:
        PluginNotFound: no space of that name.
        UsageError: malformed, or an option the space does not have.
    """
    name, argument, options = spec.parse(text, "space")
    factory = registry.load("space", name)
    if argument and not inspect.signature(factory).parameters:
        raise UsageError(f"a space takes its options in brackets, {name}[key=value], got {text!r}")
    space: Space = registry.make("space", name, *filter(None, [argument]))
    if space.conditions:
        space.hierarchy.check()
    return space.derive(options) if options else space


__all__ = ["Batch", "Columns", "Images", "Params", "Space", "make_space"]  # what the author of a space needs
