"""How often does `regnas refine` err, and how often does it find what is there? Whole sessions on recorded errors.

python -m benchmarks.refining [--sessions 400] [--only PART] [--world WORLD]

Under the null every network has the error of another one, drawn at random: no space is better than another. In the
planted sessions one operation of one edge (NAS-Bench-201), or one group width of one stage (AnyNetX_A), makes networks
better: the child that has it alone is better than its parent by the margin, and the budget is the one that a session
prints. A change that loses the margin is what a person proposes, to a session of one test. The margin is 0.75 standard
deviations of the errors. Takes half a second to two seconds of processor time a session.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import regnas
from regnas.design_space import Space
from regnas.sampling import keyed
from regnas.studies.populations.sources import load
from regnas.studies.refine.chain import Chain
from regnas.studies.refine.changes import OWN, Change
from regnas.studies.refine.decision import BETTER
from regnas.studies.refine.loop import run
from regnas.studies.refine.models import Drawn, Ledger, Outcome
from regnas.studies.refine.rules import RefineRules
from regnas.tables.sources import load_table

Errors = Callable[[Drawn], float]
MARGIN = 0.75  # of a session, in standard deviations of the errors


@dataclass(frozen=True)
class World:
    """A space and recorded errors, which are dealt to its networks at random, a new deal for every session.

    Attributes:
        planted: parameters that can matter, each with the value that then is the good one.
    """

    name: str
    space: Space
    errors: npt.NDArray[np.float64]
    planted: Sequence[tuple[str, Any, float]]

    @property
    def sd(self) -> float:
        return float(self.errors.std())

    def null(self, session: int) -> Errors:
        """Errors that have nothing to do with the networks."""
        return lambda one: float(self.errors[keyed.integer("null", session, one.key) % len(self.errors)])

    def plant(self, session: int, gain: float) -> tuple[str, Any, Errors]:
        """A parameter, its good value, and errors: the mean of all networks minus that of those with it is ``gain``."""
        name, value, share = self.planted[session % len(self.planted)]
        noise = self.null(session)

        def error(one: Drawn) -> float:
            good = one.candidate.params.get(name) == value
            return noise(one) + (0.0 if good else gain / (1 - share))

        return name, value, error


def nasbench201() -> World:
    """Errors of NAS-Bench-201 on CIFAR-10: skewed, a few of them those of guessing."""
    table = load_table("nasbench201/cifar10", {})
    space = regnas.space("nasbench201")
    planted = [(name, law.draw(np.array([0.5])).tolist()[0], 0.2) for name, law in space.free.items()]
    return World("NAS-Bench-201", space, _small(np.nanmean(table.signal, axis=1)), planted)


def anynet() -> World:
    """Errors of the recorded AnyNetX_A, in its window."""
    known = load("recorded:fashion-mnist-scaled/anynetx-a")[0]
    space = regnas.space("anynetx-a", flops="1M:2M", resolution=28, classes=10)
    shares = [float(np.mean(known.values[f"group_width_{stage}"] == 8)) for stage in (1, 2, 3, 4)]
    planted = [(f"group_width_{stage}", 8, share) for stage, share in enumerate(shares, 1)]
    return World("AnyNetX_A", space, _small(known.error), planted)


def _small(errors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same shape around 0.3 with a spread of 0.02, so that what is planted keeps errors in [0, 1]."""
    return np.asarray(np.clip(0.3 + 0.02 * (errors - errors.mean()) / errors.std(), 0, 0.8))


def session(world: World, errors: Errors, rules: RefineRules, own: Sequence[Change] = ()) -> Chain:
    """A whole session, in memory."""

    def trainer(drawn: Sequence[Drawn], done: Callable[[Drawn, Outcome], None]) -> None:
        for one in drawn:
            done(one, Outcome(errors(one)))

    chain = Chain(rules, Ledger(), trainer)
    run(chain, world.space, own)
    return chain


def interval(count: int, total: int) -> str:
    """A share with its 95 % interval (Wilson 1927)."""
    z, p = 1.96, count / total
    centre = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"{count} of {total} = {p:.1%} [{centre - half:.1%}, {centre + half:.1%}]"


def falsely_better(world: World, seed: int) -> bool:
    """Whether a session under the null accepts any "better"."""
    rules = RefineRules(budget=300, margin=MARGIN * world.sd, seed=seed)
    return any(step.verdict == BETTER for step in session(world, world.null(seed), rules).steps)


def falsely_accepted(world: World, seed: int) -> bool:
    """Whether a change that loses the margin is accepted, by a session of one test at the whole alpha."""
    margin = MARGIN * world.sd
    name, value, share = world.planted[seed % len(world.planted)]
    noise = world.null(seed)

    def worse(one: Drawn) -> float:
        return noise(one) + (margin / (1 - share) if one.candidate.params.get(name) == value else 0.0)

    change = Change(OWN, (name,), ((name, str(value)),))
    rules = RefineRules(budget=160, steps=1, margin=margin, seed=seed)
    return session(world, worse, rules, [change]).steps[0].accepted


def found(world: World, seed: int) -> bool:
    """Whether a planted session accepts as better what it planted, at the budget that a session prints."""
    margin = MARGIN * world.sd
    name, value, errors = world.plant(seed, margin)
    rules = RefineRules(budget=RefineRules(margin=margin).budget_for(world.sd), margin=margin, seed=seed)
    steps = session(world, errors, rules).steps
    return any(one.verdict == BETTER and kept(one.change.options, name, value) for one in steps)


def kept(options: Sequence[tuple[str, str]], name: str, value: Any) -> bool:
    """Whether a change is about a parameter and leaves it its good value."""
    texts = [text for key, text in options if key == name]
    return bool(texts) and all(str(value) in text.split("|") or ":" in text for text in texts)


PARTS = {"null": falsely_better, "loss": falsely_accepted, "planted": found}
WORDS = {
    "null": "sessions under the null that accept any better",
    "loss": "changes that lose the margin and are accepted, one test at 5 %",
    "planted": "sessions that find what is planted",
}


def main() -> None:
    """Print the rates so far after every twenty sessions of each kind."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refining", description=__doc__)
    parser.add_argument("--sessions", type=int, default=400, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first session, from which its seed follows")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts alone")
    parser.add_argument("--world", choices=("nasbench201", "anynet"), action="append", help="these worlds alone")
    options = parser.parse_args()
    makers = {"nasbench201": nasbench201, "anynet": anynet}
    worlds = [makers[name]() for name in options.world or makers]
    counts: dict[tuple[str, str], int] = {}
    seconds: dict[tuple[str, str], float] = {}
    for number in range(options.sessions):
        for world in worlds:
            for part in options.only or PARTS:
                key, start = (world.name, part), time.process_time()
                counts[key] = counts.get(key, 0) + PARTS[part](world, options.first + number)
                seconds[key] = seconds.get(key, 0.0) + time.process_time() - start
        if (number + 1) % 20 == 0 or number + 1 == options.sessions:
            for (name, part), count in counts.items():
                each = seconds[name, part] / (number + 1)
                print(f"{name}: {WORDS[part]}: {interval(count, number + 1)}, {each:.2f} s each", flush=True)


if __name__ == "__main__":
    main()
