"""How fast are networks of cells drawn, judged and accepted, and how fast is one counted? One core.

    python -m benchmarks.cells
    python -m benchmarks.cells --narrow     # what narrowed proposals gain
    python -m benchmarks.cells --staged     # acceptance, and that of staged spaces in the same run

Judged: drawn from the law and counted in arrays. Accepted: different networks of a window of 10 % around the space's
median flops. The peer of counting is the plain way: build the network on the device ``meta``, count by forward hooks.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable

import numpy as np

import regnas
from benchmarks.comparison import Arm, Comparison, compare
from regnas.candidate import STREAM_VERSION
from regnas.design_space import Space, make_space
from regnas.sampling.stream import candidates

SPACES = ("nasnet", "amoebanet", "pnas", "enas", "darts")
FURTHER = ("nasbench201", "enas-macro")  # other skeletons
FEW = {"nasbench201": 1_000}  # of its 15,625 networks, some 1,500 lie in a window of 10 %
STAGED = "resnext-b"  # beside which the rates in narrow windows are looked at
STAGED_WINDOWS = {"anynetx-a": "360M:400M", "resnext-b": None}  # the peers of acceptance; None is around the median
RESOLUTION = 32
CHUNK = 16_384  # points at a time, as the stream asks for them
JUDGED, ACCEPTED = 200_000, 5_000  # a second a core, that the project aims at


def judging(space: Space, chunks: int) -> Callable[[], float]:
    """An arm that draws points and counts their networks in arrays."""
    rng = np.random.default_rng(0)

    def run() -> float:
        for _ in range(chunks):
            space.costs_of(space.batch(space.draw(rng, CHUNK)))
        return float(chunks * CHUNK)

    return run


def counting_by_hooks(space: Space, count: int) -> Callable[[], float]:
    """An arm that builds networks on ``meta`` and passes an image through each."""
    import torch

    from regnas.testing.counting import count as counted

    networks = itertools.cycle([one.architecture for one in space.sample(20)])

    def run() -> float:
        for network in itertools.islice(networks, count):
            with torch.device("meta"):
                counted(network.build(), RESOLUTION)
        return float(count)

    return run


def judged_against_hooks(name: str) -> Comparison:
    """Networks drawn and counted in arrays, against counted by hooks."""
    space = make_space(name)
    return compare(
        f"judging {name} at {RESOLUTION} px",
        Arm("regnas", judging(space, 4)),
        Arm("hooks on meta", counting_by_hooks(space, 2)),
        unit="candidates",
        rounds=3,
        note=f"drawn and counted; the project aims at {JUDGED:,} a second a core",
    )


def around_the_median(name: str, share: float = 0.1) -> str:
    """A window of this share of the space's median flops."""
    space = make_space(name)
    cost = space.costs_of(space.batch(space.draw(np.random.default_rng(0), CHUNK)))
    middle = float(np.median(cost.flops))
    return f"{(1 - share / 2) * middle / 1e6:.2f}M:{(1 + share / 2) * middle / 1e6:.2f}M"


def accepted(name: str, window: str, count: int, version: int = STREAM_VERSION, *, looked_at: bool = False) -> float:
    """Different candidates a second inside the window; their networks are made when they are looked at.

    Args:
        count: how many, or as many as are asked of a space that has few.
        version: of the stream: 1 draws from the law alone, 2 narrows proposals.
        looked_at: whether they are.
    """
    space, count = regnas.space(name, flops=window).on_stream(version), min(count, FEW.get(name, count))
    start = time.process_time()
    for candidate in itertools.islice(candidates(space, seed=0), count):
        if looked_at:
            _ = candidate.architecture
    return count / (time.process_time() - start)


def beside_staged(rounds: int = 3, count: int = 8_000) -> None:
    """Print how fast cells are accepted in windows of 10 %, and staged spaces beside them, in turn in one run."""
    windows = {name: window or around_the_median(name) for name, window in STAGED_WINDOWS.items()}
    windows |= {name: around_the_median(name) for name in (*SPACES, *FURTHER)}
    rates: dict[tuple[str, bool], list[float]] = {(name, looked): [] for name in windows for looked in (False, True)}
    for name, looked in rates:
        accepted(name, windows[name], 100, looked_at=looked)  # first use imports
    for _ in range(rounds):
        for name, looked in rates:
            rates[name, looked].append(accepted(name, windows[name], count, looked_at=looked))
    peers = [f"{peer} over it" for peer in STAGED_WINDOWS]
    print(f"{'space':<12}{'window':>20}{'accepted/s':>12}{'with networks/s':>17}" + "".join(f"{p:>20}" for p in peers))
    middle = {key: float(np.median(of_key)) for key, of_key in rates.items()}
    for name, window in windows.items():
        ratios = "".join(f"{middle[peer, True] / middle[name, True]:>20.2f}" for peer in STAGED_WINDOWS)
        print(f"{name:<12}{window:>20}{middle[name, False]:>12,.0f}{middle[name, True]:>17,.0f}{ratios}", flush=True)


def narrow() -> None:
    """Print what narrowed proposals gain in windows of 10 % and 1 %, beside a staged space of NDS."""
    print(f"{'space':<12}{'window':>20}{'from the law/s':>16}{'narrowed/s':>12}{'ratio':>8}")
    for name, share in itertools.product((*SPACES, STAGED), (0.1, 0.01)):
        window = around_the_median(name, share)
        law, narrowed = (accepted(name, window, 3_000, version) for version in (1, 2))
        print(f"{name:<12}{window:>20}{law:>16,.0f}{narrowed:>12,.0f}{narrowed / law:>8.1f}", flush=True)


def main() -> None:
    """Print a table."""
    print(f"{RESOLUTION} px, one core; aims: {JUDGED:,} judged and {ACCEPTED:,} accepted candidates a second")
    print(f"{'space':<12}{'judged/s':>12}{'by hooks/s':>12}{'ratio':>10}{'window':>18}{'accepted/s':>12}")
    for name in (*SPACES, *FURTHER):
        found = judged_against_hooks(name)
        ours, theirs = float(np.median(found.ours)), float(np.median(found.theirs))
        window = around_the_median(name)
        rate = accepted(name, window, 5_000)
        print(f"{name:<12}{ours:>12,.0f}{theirs:>12.2g}{found.ratio:>10,.0f}{window:>18}{rate:>12,.0f}", flush=True)
    beside_staged()


if __name__ == "__main__":
    kinds = {"--narrow": narrow, "--staged": beside_staged}
    next((run for flag, run in kinds.items() if flag in sys.argv[1:]), main)()
