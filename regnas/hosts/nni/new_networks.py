"""A model space of which every model is another network inside the window, whatever sample a strategy of NNI makes.

NNI's evolution and TPE know no window, and tell networks apart by their samples alone. In a narrow window they stop
after 500 samples in a row that are refused, crash at the first one, or evaluate one network under several samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regnas import keyed
from regnas.batch import Columns, Params
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.hosts.nni.space import RegnasSpace
from regnas.stream import Tally, screen

# Values of one parameter that are tried where it has no levels.
_VALUES = 256


class NewNetworks(RegnasSpace):
    """Remembers the networks of its models, as long as it lives. Arguments as of `RegnasSpace`.

    The sample of a model may be another one than the strategy made: `freeze` takes the nearest that differs in one
    parameter and is a new network inside the window, or else a random one.
    """

    def __init__(self, space: Space, evaluator: Any = None, *, levels: int | None = None) -> None:
        super().__init__(space, evaluator, levels=levels)
        self._seen: set[str] = set()

    def freeze(self, sample: Mapping[str, Any]) -> RegnasSpace:
        """The model of a sample, or of one near to it.

        Raises:
            SampleValidationError: NNI's; a parameter is missing, or outside its range.
            InfeasibleWindow: no new network is left.
        """
        for parameter in self.parameters.values():
            parameter.validate(sample)
        chosen = {name: sample[name] for name in self.parameters}
        candidate = self.space.judge(self._point(chosen))
        if candidate is None or not self._is_new(candidate):
            seed = keyed.integer("nni", len(self._seen), repr(sorted(chosen.items())))
            chosen = self._nearest(chosen) or self._drawn(self.space, seed)
        return self._frozen({**sample, **chosen})

    def default(self, memo: dict[str, Any] | None = None) -> RegnasSpace:
        """Any model inside the window, the same one every time: it is no proposal, and not remembered."""
        return RegnasSpace(self.space, self.evaluator, levels=self.levels).default(memo)

    def _frozen(self, sample: Mapping[str, Any]) -> RegnasSpace:
        model = super()._frozen(sample)
        self._seen.add(model.executable_model().key())
        return model

    def _is_new(self, candidate: Candidate) -> bool:
        return candidate.architecture.key() not in self._seen

    def _drawn(self, space: Space, seed: int) -> Params:
        candidate = next(candidate for candidate in self._candidates(space, seed) if self._is_new(candidate))
        return {name: candidate.params[name] for name in self.parameters}

    def _nearest(self, sample: Params) -> Params | None:
        """The nearest sample that differs in one parameter and is a new network; distances are shares of the law."""
        lines = {name: _line(values, sample[name]) for name, values in self._values().items()}
        distance = np.concatenate([far for _, far in lines.values()])
        columns: Columns = {}
        whole = self.space.complete(sample)
        for name, law in self.space.dimensions.items():
            parts = [values if name == varied else [whole[name]] * len(values) for varied, (values, _) in lines.items()]
            columns[name] = np.array([value for part in parts for value in part], dtype=law.draw(np.zeros(1)).dtype)
        columns.update({name: columns[source] for name, source in self.space.ties})
        inside = dict(screen(self.space, columns, Tally()))
        for row in sorted(inside, key=lambda row: (distance[row], row)):
            if self._is_new(inside[row]):
                return {name: columns[name][row : row + 1].tolist()[0] for name in self.parameters}
        return None

    def _values(self) -> dict[str, list[Any]]:
        laws = self.space.dimensions
        if self.levels is not None:
            return {name: parameter.values for name, parameter in self.parameters.items()}
        return {name: laws[name].levels(_VALUES) for name in self.parameters}


def _line(values: list[Any], value: Any) -> tuple[list[Any], Any]:
    """The values, and how far each is from one of them in shares of all; names lie 1 apart."""
    if isinstance(value, str):
        return values, np.array([float(other != value) for other in values])
    here = int(np.argmin([abs(other - value) for other in values]))
    return values, np.abs(np.arange(len(values)) - here) / len(values)


def to_nni(space: Space, evaluator: Any = None, *, levels: int | None = None) -> RegnasSpace:
    """A space of regnas as a model space that NNI's strategies search: every model a new network inside the window.

    Arguments as of `RegnasSpace`.
    """
    return NewNetworks(space, evaluator, levels=levels)
