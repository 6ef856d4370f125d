"""How often does `regnas refine` err, and how often does it find what is there? Whole sessions on recorded errors.

python -m benchmarks.refining [--sessions 400] [--only PART]

Under the null every network has the error of another one: errors are permuted, and no space is better than another. In
the planted sessions one operation of one edge (NAS-Bench-201), or one group width of one stage (AnyNetX_A), makes networks
better, by as much as the margin between the child that has it alone and its parent; the budget is the one that the session
itself prints. Takes about a second of processor time a session.
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
from regnas.architecture import Architecture
from regnas.design_space import Space
from regnas.sampling import keyed
from regnas.studies.populations.sources import load
from regnas.studies.refine.chain import Chain
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


def session(world: World, errors: Errors, rules: RefineRules) -> Chain:
    """A whole session, in memory."""

    def trainer(drawn: Sequence[Drawn], done: Callable[[Drawn, Outcome], None]) -> None:
        for one in drawn:
            done(one, Outcome(errors(one)))

    chain = Chain(rules, Ledger(), trainer)
    run(chain, world.space)
    return chain


def interval(count: int, total: int) -> str:
    """A share with its 95 % interval (Wilson 1927)."""
    z, p = 1.96, count / total
    centre = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"{count} of {total} = {p:.1%} [{centre - half:.1%}, {centre + half:.1%}]"


def false_positives(world: World, sessions: int, budget: int = 300, steps: int = 5) -> int:
    """Sessions under the null that accept any "better"."""
    margin, found = MARGIN * world.sd, 0
    for seed in range(sessions):
        chain = session(world, world.null(seed), RefineRules(budget=budget, steps=steps, margin=margin, seed=seed))
        found += any(step.verdict == BETTER for step in chain.steps)
    return found


def recoveries(world: World, sessions: int, budget: int | None = None, steps: int = 5) -> int:
    """Planted sessions that accept a "better" of the planted parameter which keeps its good value."""
    margin, found = MARGIN * world.sd, 0
    budget = budget or RefineRules(margin=margin).budget_for(world.sd)
    for seed in range(sessions):
        name, value, errors = world.plant(seed, margin)
        chain = session(world, errors, RefineRules(budget=budget, steps=steps, margin=margin, seed=seed))
        found += any(
            step.verdict == BETTER and name in step.change.about and chosen(step.change.options, name, value)
            for step in chain.steps
        )
    return found


def chosen(options: Sequence[tuple[str, str]], name: str, value: Any) -> bool:
    """Whether a change leaves a parameter its good value."""
    texts = [text for key, text in options if key == name]
    return all(str(value) in text.split("|") or ":" in text for text in texts)


def accepted(world: World, sessions: int) -> tuple[int, int, float]:
    """Of sessions under the null: steps tested, steps accepted, processor seconds a step."""
    tested = taken = 0
    start = time.process_time()
    for seed in range(sessions):
        rules = RefineRules(budget=300, margin=MARGIN * world.sd, seed=seed)
        chain = session(world, world.null(seed), rules)
        tested, taken = tested + len(chain.tested), taken + sum(step.accepted for step in chain.steps)
    return tested, taken, (time.process_time() - start) / max(1, tested)


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refining", description=__doc__)
    parser.add_argument("--sessions", type=int, default=400, help="of each kind")
    parser.add_argument("--only", choices=("null", "planted", "steps"), help="one part alone")
    parser.add_argument("--world", choices=("nasbench201", "anynet"), help="one world alone")
    options = parser.parse_args()
    for make in (nasbench201, anynet):
        if options.world not in (None, make.__name__):
            continue
        world = make()
        if options.only in (None, "null"):
            count = false_positives(world, options.sessions)
            print(f"{world.name}, null: any better in {interval(count, options.sessions)}", flush=True)
        if options.only in (None, "planted"):
            budget = RefineRules(margin=MARGIN * world.sd).budget_for(world.sd)
            count = recoveries(world, options.sessions)
            print(f"{world.name}, planted, budget {budget}: {interval(count, options.sessions)}", flush=True)
        if options.only in (None, "steps"):
            tested, taken, seconds = accepted(world, min(40, options.sessions))
            print(f"{world.name}: {taken} of {tested} steps accepted, {seconds:.2f} s a step", flush=True)


if __name__ == "__main__":
    main()
