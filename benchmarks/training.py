"""Candidates an hour: regnas's evaluator against the loop most people write, on the same networks and images.

    python -m benchmarks.training [--quick]

Two cores are used in three ways: by two processes of regnas, by two plain processes of one thread each, and by one
plain process with torch's own choice of threads. All three train in turn in one run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regnas
from benchmarks.comparison import Arm, Comparison, compare
from regnas.architecture import Architecture
from regnas.dataset import make_dataset
from regnas.search_spaces.staged.presets import preset

DATA = "fashion-mnist-mini"
RECIPE = {"flip": True, "pad": 4}


@dataclass(frozen=True)
class Work:
    """Networks, and the size of the images they are trained on."""

    what: str
    resolution: int
    networks: tuple[Architecture, ...]
    aim: float


def small(count: int, flops: str = "1M:5M") -> Work:
    """RegNetX of so many multiply-adds in the data set's regime."""
    images = make_dataset(DATA).regime.images
    found = regnas.space("regnetx", flops=flops).on(images).sample(count, seed=0)
    return Work("RegNetX 1-5 MF at 28 px", 28, tuple(one.architecture for one in found), 2.5)


def large(count: int) -> Work:
    """RegNetX-400MF, as often as a core is to train it."""
    space, params = preset("regnetx-400mf")
    network = regnas.space(space, resolution=64, classes=10).decode(params)
    return Work("RegNetX-400MF at 64 px", 64, (network,) * count, 2.0)


class Trainers:
    """Processes of one kind that share the networks between them."""

    def __init__(self, kind: str, work: Work, count: int, threads: int | None, recipe: dict[str, Any]) -> None:
        setup = {"kind": kind, "data": DATA, "resolution": work.resolution, "epochs": 1, "recipe": recipe}
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
        if threads is not None:
            environment["OMP_NUM_THREADS"] = str(threads)
        self._networks = work.networks
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.trainer", json.dumps(setup)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
                cwd=Path(__file__).resolve().parents[1],
            )
            for _ in range(count)
        ]
        for process in self._processes:
            self._answer(process)

    def run(self) -> float:
        """Train every network once; the processes take them in turn."""
        parts = [self._networks[first :: len(self._processes)] for first in range(len(self._processes))]
        for process, part in zip(self._processes, parts, strict=True):
            lines = [json.dumps({"architecture": one.to_json(), "seed": 0}) + "\n" for one in part]
            assert process.stdin is not None
            process.stdin.writelines(lines)
            process.stdin.flush()
        for process, part in zip(self._processes, parts, strict=True):
            for _ in part:
                self._answer(process)
        return len(self._networks)

    def _answer(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("a training process ended; its error is above")
        return line

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.wait()


def against(work: Work, rounds: int) -> Iterator[Comparison]:
    """Against each of the two plain ways."""
    ours = Trainers("regnas", work, 2, 1, RECIPE)
    peers = {
        "plain loop, 2 processes x 1 thread": Trainers("plain", work, 2, 1, RECIPE),
        "plain loop, 1 process, torch's threads": Trainers("plain", work, 1, None, RECIPE),
    }
    try:
        for name, peer in peers.items():
            yield compare(
                f"training {work.what}",
                Arm("regnas, 2 workers", ours.run),
                Arm(name, peer.run),
                unit="candidates",
                rounds=rounds,
                clock="wall",
                aim=work.aim,
                note="one epoch of 4,500 images and a validation of 1,500, crops and mirrors",
            )
    finally:
        for trainers in (ours, *peers.values()):
            trainers.close()


def comparisons(quick: bool) -> Iterator[Comparison]:
    """Equal batches, recipes and epochs on both sides."""
    for work in (small(2 if quick else 6), large(2)):
        yield from against(work, 1 if quick else 5)


def main() -> None:
    """Print ratios."""
    for one in comparisons("--quick" in sys.argv):
        ours, theirs = (3600 * sum(rates) / len(rates) for rates in (one.ours, one.theirs))
        print(f"{one.what}: {one.ratio:.2f} x {one.peer_name} ({ours:.0f} against {theirs:.0f} an hour)", flush=True)


if __name__ == "__main__":
    main()
