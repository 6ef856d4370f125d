"""A space of regnas as a model space of NNI: samples lie inside the window, those that leave it are refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from regnas.architecture import Architecture
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.dimension import Choice, Dimension
from regnas.errors import InfeasibleWindow, UsageError
from regnas.hosts.nni.importing import load
from regnas.hosts.nni.json_space import entry
from regnas.hosts.nni.specs import space_from_json, space_to_json
from regnas.sampling import keyed
from regnas.sampling.batch import Columns, Params
from regnas.sampling.stream import candidates

_spaces: Any = load("nni.nas.space")
_mutables: Any = load("nni.mutable")
_exceptions: Any = load("nni.mutable.exception")


class Parameter(_mutables.MutableSymbol):  # type: ignore[misc]
    """One parameter of a space: NNI's mutations draw it from the space's own law."""

    def __init__(self, label: str, law: Dimension) -> None:
        super().__init__(label)
        self.law = law

    def extra_repr(self) -> str:
        return f"{self.law!r}, label={self.label!r}"

    def check_contains(self, sample: Mapping[str, Any]) -> Any:
        if self.label not in sample:
            return _exceptions.SampleMissingError(self.label, list(sample))
        if not self.law.contains(sample[self.label]):
            return _exceptions.SampleValidationError(f"{self.label} = {sample[self.label]!r} is not in {self.law}")
        return None

    def freeze(self, sample: Mapping[str, Any]) -> Any:
        self.validate(sample)
        return sample[self.label]

    def as_legacy_dict(self) -> dict[str, Any]:
        """For NNI's web page, and for those of its strategies that are tuners."""
        return entry(self.label, self.law)

    def random(self, memo: dict[str, Any] | None = None, random_state: Any = None) -> Any:
        state = np.random.RandomState() if random_state is None else random_state
        return self._drawn(memo, float(state.random_sample()))

    def default(self, memo: dict[str, Any] | None = None) -> Any:
        return self._drawn(memo, 0.5)

    def _drawn(self, memo: dict[str, Any] | None, uniform: float) -> Any:
        memo = {} if memo is None else memo
        if self.label not in memo:
            memo[self.label] = self.law.draw(np.array([uniform])).tolist()[0]
        return self.freeze(memo)

    def grid(self, memo: dict[str, Any] | None = None, granularity: int | None = None) -> Iterator[Any]:
        """The middle of the law, then its quarters, eighths ...: ``2 ** granularity - 1`` values."""
        memo = {} if memo is None else memo
        if self.label in memo:
            yield self.freeze(memo)
            return
        for value in levels_of(self.law, granularity):
            memo[self.label] = value
            yield self.freeze(memo)
            del memo[self.label]


def levels_of(law: Dimension, granularity: int | None) -> list[Any]:
    """The values of a law in a grid of NNI's granularity, 1 where it says none; of a choice always all."""
    return law.levels(law.size if isinstance(law, Choice) else 2 ** max(1, granularity or 1) - 1)


def _middle(values: Sequence[Any]) -> Any:
    """What an inactive parameter has among these values."""
    return values[len(values) // 2]


class RegnasSpace(_spaces.ExecutableModelSpace):  # type: ignore[misc]
    """What NNI's strategies and engines need of a model space, over a `Space`.

    A sample is ``{parameter: value}`` of the free parameters, in the space's own units. NNI's mutables know no
    conditions: a sample holds inactive parameters, too, whose values do not matter.

    Args:
        space: with its window.
        evaluator: an evaluator of NNI, or None where a strategy runs on an engine that needs none.
        levels: every parameter as one of at most so many values, evenly spaced in the quantiles of its law, for
            NNI's strategies that know unordered choices only (TPE, reinforcement learning).

    Raises:
        UsageError: fewer than 2 levels, or a space whose parameters are all fixed.
    """

    def __init__(self, space: Space, evaluator: Any = None, *, levels: int | None = None) -> None:
        super().__init__()
        if levels is not None and levels < 2:
            raise UsageError(f"levels is at least 2, got {levels}")
        self.space = space
        self.evaluator = evaluator
        self.levels = levels
        self.sample: Params | None = None
        laws = space.free
        if not laws:
            raise UsageError(f"every parameter of {space.spec} is fixed: there is nothing for NNI to choose")
        self.parameters: dict[str, Any] = {
            name: Parameter(name, law) if levels is None else _mutables.Categorical(law.levels(levels), label=name)
            for name, law in laws.items()
        }

    def extra_repr(self) -> str:
        chosen = "" if self.sample is None else f", sample={self.sample!r}"
        return f"{self.space.spec!r}, window={str(self.space.window)!r}{chosen}, status={self.status.value!r}"

    # --- what NNI asks of a mutable ---------------------------------------------------------------------------

    def leaf_mutables(self, is_leaf: Callable[[Any], bool]) -> Iterator[Any]:
        for parameter in self.parameters.values():
            yield from parameter.leaf_mutables(is_leaf)
        if isinstance(self.evaluator, _mutables.Mutable):
            yield from self.evaluator.leaf_mutables(is_leaf)

    def check_contains(self, sample: Mapping[str, Any]) -> Any:
        """None for a network of the space inside its window, else NNI's error with the reason."""
        for parameter in self.parameters.values():
            if (wrong := parameter.check_contains(sample)) is not None:
                return wrong
        if self.space.judge(self._point(sample)) is None:
            inside = "" if self.space.window.open else f" inside {self.space.window}"
            return _exceptions.SampleValidationError(f"{dict(sample)} is no network of {self.space.spec}{inside}")
        return self.evaluator.check_contains(sample) if isinstance(self.evaluator, _mutables.Mutable) else None

    def freeze(self, sample: Mapping[str, Any]) -> RegnasSpace:
        """One model of the space.

        Raises:
            SampleValidationError: NNI's; the sample is outside the space or its window.
        """
        self.validate(sample)
        return self._frozen(sample)

    def _frozen(self, sample: Mapping[str, Any]) -> RegnasSpace:
        evaluator = self.evaluator
        if isinstance(evaluator, _mutables.Mutable):
            evaluator = evaluator.freeze(sample)
        model = type(self)(self.space, evaluator, levels=self.levels)
        model.sample = dict(sample)
        model.status = _spaces.ModelStatus.Frozen
        return model

    def _point(self, sample: Mapping[str, Any]) -> Params:
        return self.space.canonical({name: sample[name] for name in self.parameters})

    def random(self, memo: dict[str, Any] | None = None, random_state: Any = None) -> RegnasSpace:
        """A model from the space's law inside its window, with what ``memo`` fixes; what is drawn is written there.

        Raises:
            InfeasibleWindow: there is none.
        """
        state = np.random.RandomState() if random_state is None else random_state
        memo = {} if memo is None else memo
        known = {name: memo[name] for name in self.parameters if name in memo}
        space = self.space.fix(**known) if known else self.space
        memo.update(self._drawn(space, int(state.randint(2**31 - 1))))
        if isinstance(self.evaluator, _mutables.Mutable):
            self.evaluator.random(memo=memo, random_state=state)
        return self._frozen(memo)

    def _drawn(self, space: Space, seed: int) -> Params:
        return self._sample_of(next(self._candidates(space, seed)))

    def _sample_of(self, candidate: Candidate) -> Params:
        """The free parameters of a candidate; what is inactive is put on the levels, where there are any."""
        sample = {name: candidate.params[name] for name in self.parameters}
        if self.levels is None:
            return sample
        on = {name: one.values for name, one in self.parameters.items()}
        active = self.space.active(sample)
        return {
            name: value if name in active or value in on[name] else _middle(on[name]) for name, value in sample.items()
        }

    def _candidates(self, space: Space, seed: int) -> Iterator[Candidate]:
        """Different networks inside the window, without end; with ``levels``, of those that lie on them."""
        if self.levels is None:
            yield from space.stream(seed=seed)
        try:
            yield from candidates(space, seed=seed, points=self._on_levels(space, seed))
        except InfeasibleWindow as error:
            raise InfeasibleWindow(f"{error}; each parameter has {self.levels} levels here: take more") from error

    def _on_levels(self, space: Space, seed: int) -> Callable[[int], Columns]:
        """Points of the law on the levels, which are the middles of equal shares of it."""
        rng = keyed.generator("levels", seed)
        sizes = [law.size for law in space.free.values()]
        parts = np.array([[self.levels if self.levels and size > self.levels else 0] for size in sizes])

        def points(count: int) -> Columns:
            uniforms = rng.random((len(sizes), count))
            cut = (np.floor(uniforms * parts) + 0.5) / np.maximum(parts, 1)
            return space.at(np.where(parts > 0, cut, uniforms))

        return points

    def default(self, memo: dict[str, Any] | None = None) -> RegnasSpace:
        """Any model inside the window: the same one every time."""
        return self.random(memo, np.random.RandomState(0))

    def robust_default(self, memo: dict[str, Any] | None = None, retries: int = 1) -> RegnasSpace:
        """`default`, which needs no retries."""
        return self.default(memo)

    def grid(self, memo: dict[str, Any] | None = None, granularity: int | None = None) -> Iterator[RegnasSpace]:
        """Every combination of levels that is a network inside the window, one by one."""
        axes = [
            parameter.values if self.levels is not None else levels_of(parameter.law, granularity)
            for parameter in self.parameters.values()
        ]
        for values in itertools.product(*axes):
            sample = dict(zip(self.parameters, values, strict=True))
            point = self._point(sample)
            active = self.space.active(point)
            idle = (name in active or sample[name] == _middle(axis) for name, axis in zip(sample, axes, strict=True))
            if all(idle) and self.space.judge(point) is not None:
                if memo is not None:
                    memo.update(sample)
                yield self._frozen(sample)

    # --- what NNI asks of a model -----------------------------------------------------------------------------

    def executable_model(self) -> Architecture:
        """The architecture of a frozen model: a value that builds its module.

        Raises:
            UsageError: not frozen.
        """
        if self.sample is None:
            raise UsageError("a model space has no architecture before it is frozen with a sample")
        return self.space.decode(self._point(self.sample))

    def _dump(self) -> dict[str, Any]:
        """What another process rebuilds this from: names and numbers, and NNI's own objects."""
        return {
            "space": space_to_json(self.space),
            "levels": self.levels,
            "sample": self.sample,
            "evaluator": self.evaluator,
            "status": self.status,
            "metrics": self.metrics,
        }

    @classmethod
    def _load(cls, **stored: Any) -> RegnasSpace:
        model = cls(space_from_json(stored["space"]), stored["evaluator"], levels=stored["levels"])
        model.sample = stored["sample"]
        model.status = stored["status"]
        model.metrics = stored["metrics"]
        return model
