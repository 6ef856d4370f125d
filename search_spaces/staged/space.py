"""What AnyNet and RegNet spaces share: the template of the network, and options that change it."""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from regnas.architecture import Architecture
from regnas.baseline import Baseline
from regnas.costs import Complexities
from regnas.design_space import Space
from regnas.dimension import Choice, Dimension, Range
from regnas.errors import UsageError
from regnas.measure import BUILT_IN
from regnas.overrides import number
from regnas.sampling.batch import Params
from regnas.search_spaces.staged.architecture import (
    ACTIVATIONS,
    MOST_BLOCKS,
    MOST_CHANNELS,
    MOST_STAGES,
    MOST_STRIDE,
    RATIOS,
    Staged,
)
from regnas.search_spaces.staged.complexity import (
    BLOCKS,
    STEMS,
    StagedBatch,
    Template,
    feature_sizes,
    staged_complexity,
    stem_of_stride,
)

if TYPE_CHECKING:
    from regnas.search_spaces.staged.modules.supernet import SlicedStages

_NAMES = {"block": tuple(BLOCKS), "stem": tuple(STEMS), "activation": ACTIVATIONS}
_BOUNDS = {"stages": (1, MOST_STAGES), "stem_width": (1, MOST_CHANNELS), "head_width": (0, MOST_CHANNELS)}


@dataclass(frozen=True, kw_only=True)
class StagedSpace(Space):
    """A space of staged networks. What is None is the data set's wish, or else the paper's.

    Attributes:
        laws: every parameter with its law.
        stages: number of stages; networks with another number are not in the space.
    """

    laws: tuple[tuple[str, Dimension], ...]
    stages: int = 4
    block: str = "x"
    se: float = 0.0
    activation: str = "relu"
    head_width: int = 0
    stem: str | None = None
    stem_width: int | None = None
    strides: tuple[int, ...] | None = None

    patience = 4_000_000

    known_costs = BUILT_IN

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        tied = dict(self.ties)
        return {name: self._heeded(name, law) for name, law in self.laws if name not in tied}

    def _heeded(self, name: str, law: Dimension) -> Dimension:
        """A parameter that the block ignores is fixed, or many points would be one network."""
        rule = BLOCKS[self.block]
        ignored = (name.startswith("bottleneck_ratio") and not rule.bottleneck) or (
            name.startswith("group") and not rule.grouped
        )
        return Choice((1,)) if ignored else law

    def __getstate__(self) -> dict[str, Any]:
        """For pickles and copies: without the cells of a narrowing, which are made again."""
        return {name: value for name, value in self.__dict__.items() if name != "narrowing"}

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        _check_law(self, name, dimension)
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def with_option(self, key: str, value: str) -> Self | None:
        """With another block, stem, activation, squeeze ratio, strides, number of stages or width of stem or head.

        Raises:
            UsageError: it has the option, and not this value of it.
        """
        if key in _NAMES:
            if value not in _NAMES[key]:
                raise UsageError(f"{key} is one of {', '.join(_NAMES[key])}, got {value!r}")
            return replace(self, **{key: value})  # type: ignore[arg-type]
        if key == "se":
            ratio = number(value)
            if ratio is None or not 0 <= ratio <= 1:
                raise UsageError(f"se is the squeeze ratio, a number in 0..1, got {value!r}")
            return replace(self, se=float(ratio))
        if key == "strides":
            return replace(self, strides=self._strides(value))
        if key in _BOUNDS:
            whole, (least, most) = number(value), _BOUNDS[key]
            if not isinstance(whole, int) or not least <= whole <= most:
                raise UsageError(f"{key} is a whole number from {least} to {most:,}, got {value!r}")
            return self.with_stages(whole) if key == "stages" else replace(self, **{key: whole})  # type: ignore[arg-type]
        return None

    def with_stages(self, stages: int) -> Self:
        """The same space with another number of stages."""
        return replace(self, stages=stages)

    def _strides(self, text: str) -> tuple[int, ...]:
        parts = [number(part) for part in text.split("-")]
        if not all(isinstance(part, int) and 1 <= part <= MOST_STRIDE for part in parts):
            raise UsageError(f"strides are whole numbers up to {MOST_STRIDE:,} such as 1-2-2-2, got {text!r}")
        if len(parts) != self.stages:
            raise UsageError(f"{self.stages} stages ask for {self.stages} strides, got {text!r}")
        return tuple(int(part) for part in parts if part is not None)

    def template(self, stages: int | None = None) -> Template:
        """What the networks of this space share; ``stages`` other than the space's own repeat the last stride."""
        count = self.stages if stages is None else stages
        strides = self.strides or self.images.strides or (2,)
        return Template(
            stem=self.stem or stem_of_stride(self.images.stem_stride or STEMS["simple"]),
            stem_width=self.stem_width or self.images.stem_width or 32,
            block=self.block,
            strides=(*strides[:count], *(strides[-1],) * (count - len(strides))),
            se_ratio=self.se,
            head_width=self.head_width,
            classes=self.classes,
            activation=self.activation,
        )

    def baselines(self) -> Sequence[Baseline]:
        """Thin ResNets and the nearest RegNet, as large as the window allows."""
        from regnas.search_spaces.staged.baselines import baselines

        return tuple(baselines(self))

    def point_of(self, network: Staged) -> Params | None:
        """The point of this space and its window that is this network; None where it is none, or that is not known."""
        return None

    def supernet(self, **sizes: int) -> SlicedStages:
        """All networks inside the window as slices of one (`regnas.supernet.SupportsSupernet`); it has no sizes.

        Raises:
            UsageError: a size, a window without an upper limit, numbers of groups in place of group widths, or too
                many weights.
        """
        from regnas.search_spaces.staged.modules.supernet import SlicedStages

        if sizes:
            raise UsageError(
                f"the supernet of {self.spec} has no sizes, its window says it all; got {next(iter(sizes))}"
            )
        return SlicedStages(self)

    def sees(self) -> str:
        sizes = feature_sizes(self.template(), self.resolution)
        return f"stem and stages see {', '.join(map(str, sizes))} px"

    def network(self, depths: Any, widths: Any, ratios: Any, groups: Any) -> Staged:
        """The architecture with these numbers per stage."""
        return Staged(**self._values(depths, widths, ratios, groups))

    def network_of_batch(self, depths: Any, widths: Any, ratios: Any, groups: Any) -> Staged:
        """`network` of numbers that this space's batch decoded, which needs no check."""
        return Staged.unchecked(**self._values(depths, widths, ratios, groups))

    def _values(self, depths: Any, widths: Any, ratios: Any, groups: Any) -> dict[str, Any]:
        return dict(
            self.shared_values(len(depths)),
            depths=_ints(depths),
            widths=_ints(widths),
            bottleneck_ratios=tuple(np.asarray(ratios).tolist()),
            group_widths=_ints(groups),
        )

    def shared_values(self, stages: int) -> dict[str, Any]:
        """What all networks of this space with so many stages have in common."""
        shared = self.template(stages)
        return dict(
            stem=shared.stem,
            stem_width=shared.stem_width,
            block=shared.block,
            strides=shared.strides,
            se_ratio=shared.se_ratio,
            head_width=shared.head_width,
            classes=shared.classes,
            activation=shared.activation,
        )

    def check_ratio(self, name: str, value: Any) -> None:
        """A bottleneck ratio is at least 1, or one over a whole number.

        Raises:
            UsageError: it is none.
        """
        good = isinstance(value, int | float) and RATIOS[0] <= value <= RATIOS[1]
        if not good or (value < 1 and abs(1 / value - round(1 / value)) > 1e-6):
            raise UsageError(
                f"{name} is w / w_b: a number from 1 to {RATIOS[1]}, or one over a whole number up to that; got "
                f"{value!r}"
            )

    def check_whole(self, name: str, value: Any, multiple: int = 1) -> None:
        """A count of blocks or channels.

        Raises:
            UsageError: no whole number from 1 to the most that networks have, or no multiple of ``multiple``.
        """
        most = MOST_BLOCKS if name.startswith("depth") else MOST_CHANNELS
        good = isinstance(value, int | float) and 1 <= value <= most
        if not good or value != int(value) or int(value) % multiple:
            rule = "whole number" if multiple == 1 else f"multiple of {multiple}"
            raise UsageError(f"{name} is a {rule} from {multiple} to {most:,}, got {value!r}")

    @abstractmethod
    def check(self, name: str, value: Any) -> None:
        """Raise `UsageError` where no network can have this value."""


@dataclass(frozen=True)
class StagedRows:
    """Decoded networks and the rows they come from, ``(m,)``: the `Batch` of the staged spaces."""

    space: StagedSpace
    rows: np.typing.NDArray[np.int64]
    stages: StagedBatch
    rejected: Mapping[str, int]

    def complexity(self, resolution: int) -> Complexities:
        return staged_complexity(self.stages, self.space.template(), resolution)

    def architecture(self, index: int) -> Architecture:
        one = self.stages[index]
        return self.space.network_of_batch(one.depths, one.widths, one.bottleneck_ratios, one.group_widths)

    def identities(self, indices: np.typing.NDArray[np.int64]) -> list[bytes]:
        """The numbers that make the networks at ``(k,)`` indices, in one form where the block ignores them."""
        rule, one = BLOCKS[self.space.block], self.stages[indices]
        ratios = one.bottleneck_ratios if rule.bottleneck else np.ones_like(one.bottleneck_ratios)
        groups = one.group_widths if rule.grouped else np.ones_like(one.group_widths)
        numbers = np.concatenate([one.depths, one.widths, groups, ratios.astype(np.float64).view(np.int64)], axis=1)
        width = numbers.shape[1] * 8
        whole = np.ascontiguousarray(numbers, dtype=np.int64).tobytes()
        return [whole[at : at + width] for at in range(0, len(whole), width)]

    @cached_property
    def _shared(self) -> dict[str, Any]:
        return self.space.shared_values(self.stages.depths.shape[1])

    def maker(self, identity: bytes) -> Callable[[], Architecture]:
        return partial(_from_identity, self._shared, identity)


def _from_identity(shared: dict[str, Any], identity: bytes) -> Staged:
    stages = len(identity) // 32
    numbers = struct.unpack(f"={3 * stages}q{stages}d", identity)
    depths, widths, groups, ratios = (numbers[at * stages : (at + 1) * stages] for at in range(4))
    return Staged.unchecked(**shared, depths=depths, widths=widths, bottleneck_ratios=ratios, group_widths=groups)


def inner_groups(space: StagedSpace, groups: Any, widths: Any) -> Any:
    """Group widths to make compatible: the R block has one group, so its group is as wide as it can be."""
    rule = BLOCKS[space.block]
    return groups if rule.grouped else np.where(rule.bottleneck, np.asarray(widths) * 64, 1)


def _check_law(space: StagedSpace, name: str, law: Dimension) -> None:
    values: tuple[Any, ...] = ()
    if isinstance(law, Choice):
        values = law.values
    elif isinstance(law, Range):
        values = (law.low, law.high)
    for value in values:
        space.check(name, value)


def _ints(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


__all__ = ["Params", "StagedRows", "StagedSpace", "inner_groups"]
