"""How fast are candidates drawn, judged and accepted? One core, RegNetX ranges, 360-400 MF at 224 px.

    python benchmarks/sampling.py

The peer in the same run is the plain way: one candidate at a time, equations 2-4 in Python, closed-form flops of
the same network.
"""

from __future__ import annotations

import itertools
import time

import numpy as np

import regnas
from regnas.stream import Tally, candidates

SPACES = ("regnetx", "regnety", "regnetx-constrained", "regnetx-pycls", "anynetx-a", "anynetx-d", "anynetx-e")
WINDOW = "360M:400M"


def streamed(space: str, accepted: int) -> tuple[float, float, float]:
    """Draws a second, accepted distinct candidates a second, and the acceptance rate."""
    found = regnas.space(space, flops=WINDOW)
    next(candidates(found, seed=1))  # first use imports
    tally = Tally()
    start = time.process_time()
    for _ in itertools.islice(candidates(found, seed=0, tally=tally), accepted):
        pass
    seconds = time.process_time() - start
    return tally.drawn / seconds, accepted / seconds, tally.rate


def one_by_one(draws: int) -> tuple[float, float]:
    """The same law and window without arrays: draws a second, accepted a second."""
    found = regnas.space("regnetx", flops=WINDOW)
    columns = found.draw(np.random.default_rng(0), draws)
    rows = [{name: values[row].item() for name, values in columns.items()} for row in range(draws)]
    start = time.process_time()
    accepted = sum(found.judge(row) is not None for row in rows)
    seconds = time.process_time() - start
    return draws / seconds, accepted / seconds


def main() -> None:
    """Print a table."""
    print(f"window {WINDOW} at 224 px, one core")
    print(f"{'space':<22}{'drawn / s':>14}{'accepted / s':>14}{'accepted':>11}")
    rates = {}
    for space in SPACES:
        drawn, accepted, rate = streamed(space, 10_000)
        rates[space] = drawn
        print(f"{space:<22}{drawn:>14,.0f}{accepted:>14,.0f}{rate:>11.3%}", flush=True)
    drawn, accepted = one_by_one(30_000)
    print(f"{'regnetx, one by one':<22}{drawn:>14,.0f}{accepted:>14,.0f}")
    print(f"arrays over one by one: {rates['regnetx'] / drawn:,.0f} x")


if __name__ == "__main__":
    main()
