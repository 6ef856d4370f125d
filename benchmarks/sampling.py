"""How fast are candidates drawn, judged and accepted, and how fast is a network counted? One core.

    python -m benchmarks.sampling

The peer of sampling is the plain way: one candidate at a time, the scalar equations in the standard library, flops of
the same network in closed form. The peer of counting builds the network and runs torch's FlopCounterMode.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Callable, Iterator

import regnas
from benchmarks.comparison import Arm, Comparison, compare
from regnas.sampling.stream import Tally, candidates

SPACES = (
    "regnetx",
    "regnety",
    "regnetx-constrained",
    "regnetx-pycls",
    "anynetx-a",
    "anynetx-b",
    "anynetx-c",
    "anynetx-d",
    "anynetx-e",
    "vanilla",
    "resnet",
    "resnext-a",
    "resnext-b",
)
WINDOW = "360M:400M"
LOW, HIGH = 360e6, 400e6
STEM, CLASSES, RESOLUTION = 32, 1000, 224

Network = tuple[list[int], list[int], list[int], list[int]]  # depths, widths, bottleneck widths, group widths


# --- the plain way: nothing but the standard library ---------------------------------------------------------


def log_uniform(rng: random.Random, low: float, high: float, step: float) -> float:
    """Log-uniform on (low - min(step, low / 2), high], rounded up to the step."""
    start: float = low - min(step, low / 2)
    raw: float = start * (high / start) ** (1 - rng.random())
    return min(max(math.ceil(raw / step), round(low / step)), round(high / step)) * step


def fit(width: int, ratio: int, group: int) -> tuple[int, int, int]:
    """Width, bottleneck width and group width that fit each other."""
    inner = max(1, width // ratio)
    group = min(group, inner)
    inner = max(group, round(inner / group) * group)
    return inner * ratio, inner, group


def plain_regnetx(rng: random.Random) -> Network | None:
    """One draw of RegNetX, or None where it has not four stages."""
    depth, w0 = rng.randint(4, 63), log_uniform(rng, 8, 256, 8)
    wa, wm = log_uniform(rng, 8, 256, 0.1), log_uniform(rng, 1.5, 3, 0.001)
    ratio, group = rng.choice((1, 2, 4)), rng.choice((1, 2, 4, 8, 16, 32))
    used = [round(math.log((w0 + wa * block) / w0) / math.log(wm)) for block in range(depth)]
    raw = [round(w0 * wm**level / 8) * 8 for level in range(used[-1] + 1)]
    depths = [used.count(level) for level in range(used[-1] + 1)]
    if len(raw) != 4 or 0 in depths or len(set(raw)) != 4:
        return None
    widths, inner, groups = zip(*(fit(width, ratio, group) for width in raw), strict=True)
    return depths, list(widths), list(inner), list(groups)


def plain_anynetx_a(rng: random.Random) -> Network:
    """One draw of AnyNetX_A."""
    depths = [int(log_uniform(rng, 1, 16, 1)) for _ in range(4)]
    fitted = [
        fit(int(log_uniform(rng, 8, 1024, 8)), rng.choice((1, 2, 4)), rng.choice((1, 2, 4, 8, 16, 32)))
        for _ in range(4)
    ]
    widths, inner, groups = zip(*fitted, strict=True)
    return depths, list(widths), list(inner), list(groups)


def plain_flops(network: Network) -> int:
    """Multiply-adds of a network of X blocks at 224 px."""
    size = RESOLUTION // 2
    total, wide_in = 27 * STEM * size * size, STEM
    for depth, wide, inner, group in zip(*network, strict=True):
        half = (size + 1) // 2
        first = wide_in * inner * size * size + (9 * group * inner + inner * wide + wide_in * wide) * half * half
        total += first + (depth - 1) * (2 * inner * wide + 9 * group * inner) * half * half
        size, wide_in = half, wide
    return int(total + (wide_in + 1) * CLASSES)


def plainly(draw: Callable[[random.Random], Network | None], accepted: int) -> Callable[[], float]:
    """An arm that finds different networks in the window one draw at a time."""
    rng = random.Random(0)

    def run() -> float:
        seen: set[str] = set()
        while len(seen) < accepted:
            network = draw(rng)
            if network is not None and LOW <= plain_flops(network) <= HIGH:
                seen.add(repr(network))
        return float(accepted)

    return run


# --- ours -----------------------------------------------------------------------------------------------------


def streamed(space: str, accepted: int, *, looked_at: bool = False) -> Callable[[], float]:
    """An arm that takes the stream's next different candidates, each time of another seed and a new space."""
    seeds = itertools.count()

    def run() -> float:
        found = candidates(regnas.space(space, flops=WINDOW), seed=next(seeds))
        for candidate in itertools.islice(found, accepted):
            if looked_at:
                _ = candidate.architecture
        return float(accepted)

    return run


def comparisons(quick: bool) -> Iterator[Comparison]:
    """Sampling against plain Python, counting against building."""
    rounds, ours, theirs = (3, 5_000, 10) if quick else (7, 20_000, 40)
    kinds: tuple[tuple[str, Callable[[random.Random], Network | None], float], ...] = (
        ("regnetx", plain_regnetx, 50_000),
        ("anynetx-a", plain_anynetx_a, 20_000),
    )
    for space, draw, floor in kinds:
        yield compare(
            f"sampling {space}, {WINDOW} at {RESOLUTION} px",
            Arm("regnas", streamed(space, ours)),
            Arm("plain Python", plainly(draw, theirs if space == "regnetx" else 8 * theirs)),
            unit="candidates",
            rounds=rounds,
            note=f"different networks inside; the project aims at {floor:,.0f} a second a core",
        )
    yield counting(quick)


def counting(quick: bool) -> Comparison:
    """Closed-form counting of networks that are there, against building each and running a forward pass."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    few = [one.architecture for one in regnas.space("regnetx", flops=WINDOW).sample(4)]
    image = torch.zeros(1, 3, RESOLUTION, RESOLUTION)

    def built() -> float:
        for network in few[: 2 if quick else 4]:
            module = network.build().eval()
            with FlopCounterMode(display=False), torch.no_grad():
                module(image)
        return float(2 if quick else 4)

    def closed() -> float:
        for network in few * 50:
            network.complexity(RESOLUTION)
        return 50.0 * len(few)

    return compare(
        f"counting RegNetX of {WINDOW}, one at a time",
        Arm("closed form", closed),
        Arm("torch.utils.flop_counter", built),
        unit="networks",
        rounds=3 if quick else 7,
        note="the peer builds the module and runs one image",
    )


# --- the table ------------------------------------------------------------------------------------------------


def measured(space: str, accepted: int, *, version: int = 2, looked_at: bool = False) -> tuple[float, float]:
    """Accepted candidates a second, the table of cells included, and the share of the law that the window accepts."""
    next(candidates(regnas.space(space, flops=WINDOW), seed=1))  # first use imports
    tally = Tally()
    start = time.process_time()
    found = regnas.space(space, flops=WINDOW).on_stream(version)
    for candidate in itertools.islice(candidates(found, seed=0, tally=tally), accepted):
        if looked_at:
            _ = candidate.architecture
    return accepted / (time.process_time() - start), tally.rate


def main() -> None:
    """Print a table."""
    print(f"window {WINDOW} at {RESOLUTION} px, of NDS's spaces at 32, one core, accepted distinct candidates a second")
    print(f"{'space':<22}{'version 1':>12}{'version 2':>12}{'with networks':>15}{'accepted':>11}")
    for space in SPACES:
        count = 10_000
        before, _ = measured(space, count, version=1)
        after, rate = measured(space, count)
        whole, _ = measured(space, count, looked_at=True)
        print(f"{space:<22}{before:>12,.0f}{after:>12,.0f}{whole:>15,.0f}{rate:>11.3%}", flush=True)
    for one in comparisons(quick=False):
        print(f"{one.what}: {one.ours_name} over {one.peer_name} {one.ratio:,.0f} x")


if __name__ == "__main__":
    main()
