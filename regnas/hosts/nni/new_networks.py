"""A model space of which every model is another network inside the window, whatever sample a strategy of NNI makes.

NNI's evolution and TPE know no window, and tell networks apart by their samples alone. In a narrow window they stop
after 500 samples in a row that are refused, crash at the first one, or evaluate one network under several samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.hosts.nni.space import RegnasSpace
from regnas.sampling import keyed
from regnas.sampling.batch import Params
from regnas.sampling.moves import into_window


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
            chosen = self._nearest(chosen, seed) or self._drawn(self.space, seed)
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
        return self._sample_of(next(found for found in self._candidates(space, seed) if self._is_new(found)))

    def _nearest(self, sample: Params, seed: int) -> Params | None:
        """The nearest sample that differs in one parameter and is a new network, on the levels where there are any."""
        levels = None
        if self.levels is not None:
            levels = {name: parameter.values for name, parameter in self.parameters.items()}
        point = self._point(sample)
        # What becomes active has the value of the sample, which is on the levels.
        active = self.space.active(point)
        point |= {name: value for name, value in sample.items() if name not in active}
        found = into_window(self.space, point, np.random.default_rng(seed), self._seen, levels=levels)
        return None if found is None else self._sample_of(found)


def to_nni(space: Space, evaluator: Any = None, *, levels: int | None = None) -> RegnasSpace:
    """A space of regnas as a model space that NNI's strategies search: every model a new network inside the window.

    Arguments as of `RegnasSpace`.
    """
    return NewNetworks(space, evaluator, levels=levels)
