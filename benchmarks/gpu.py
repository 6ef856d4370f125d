"""A GPU, measured: the main job, lanes against a plain loop, equal results, pruning, memory, kill -9, large networks.

    python -m benchmarks.gpu [--device cuda|cpu] [--out FILE]

Takes at most eight minutes on a GPU: what no time is left for is said, and what hangs is ended. A table comes last; the
JSON of it goes to benchmarks/results/gpu-NAME.json, or to FILE, anew with every row. With ``--device cpu`` all of it is
shrunk, to see that it works.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

# Read when CUDA starts, as in the workers of a search.
os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")

import torch

import regnas
from benchmarks.lanes import plain, together
from benchmarks.machine import describe
from regnas.evaluator import Context, Task
from regnas.evaluators.training.devices import devices
from regnas.evaluators.training.evaluator import TrainEvaluator, make
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.presets import preset

LIMIT = 8 * 60.0  # seconds
_LEAST = 20.0  # seconds that a row needs
_GRACE = 30.0  # seconds beyond the limit after which all of it is ended
_IMAGES = 4500  # of an epoch of `DATA`
_START = time.perf_counter()
DATA = "fashion-mnist-mini"


@dataclass(frozen=True)
class Row:
    """A line of the table; ``value`` is a number, or words where it is none."""

    what: str
    value: float | str
    unit: str = ""
    note: str = ""


@dataclass(frozen=True)
class Setting:
    """How much is measured, and where.

    Attributes:
        small: everything is shrunk.
    """

    device: str
    small: bool

    @property
    def data(self) -> str:
        return "fake:256" if self.small else DATA

    @property
    def seconds(self) -> float:
        return 0.2 if self.small else 2.0

    def evaluator(self, **options: Any) -> TrainEvaluator:
        """As a search makes it; long trainings, so that steps are recorded."""
        epochs = options.pop("epochs", 2 if self.small else 20)
        return make(Task(data=self.data, epochs=epochs, resolution=options.pop("resolution", None)), options)

    def networks(self, count: int) -> list[Staged]:
        """The first RegNetX of 1M:5M, again and again."""
        images = self.evaluator().data.regime.images
        window = "6M:8M" if self.small else "1M:5M"
        found = regnas.space("regnetx", flops=window).on(images).sample(min(count, 4), seed=0)
        return [cast(Staged, found[number % len(found)].architecture) for number in range(count)]


def speeds(setting: Setting) -> Iterator[Row]:
    """Images a second for some lanes, and of the plain loop on the very same networks, in one run."""
    evaluator = setting.evaluator()
    resolution = evaluator.data.regime.images.resolution
    peers = [plain(network, setting.device, resolution, 64, setting.seconds) for network in setting.networks(4)]
    for number, speed in enumerate(peers):
        yield Row(f"plain loop, network {number}", speed, "images/s")
    eager, _ = together(setting.evaluator(epochs=1), setting.networks(1), setting.device, setting.seconds)
    yield Row("one training of network 0, too short to be recorded", eager, "images/s")
    best = 0.0
    for lanes in (1, 2) if setting.small else (1, 4, 8, 32):
        speed, began = together(evaluator, setting.networks(lanes), setting.device, setting.seconds)
        peer = sum(peers[number % 4] for number in range(lanes)) / lanes
        ratio = f"{speed / peer:.1f} x plain, {_against(speed / eager, 6)} what is not recorded"
        note = ratio if lanes == 1 else f"{_against(speed / peer, 20)} plain"
        yield Row(f"{lanes} lanes", speed, "images/s", f"{note}; begun in {began:.1f} s")
        best = max(best, speed)
    if not setting.small:
        yield Row("600 networks of 9 epochs, from the fastest lanes", 600 * 9 * _IMAGES / best / 60, "minutes", "aim 8")


def equal(setting: Setting) -> Iterator[Row]:
    """Whether lanes give the results of trainings alone, to the last bit."""
    networks, evaluator = setting.networks(4), setting.evaluator(epochs=2 if setting.small else 4)

    def run(number: int, shared: bool) -> tuple[Any, ...]:
        result = evaluator(networks[number], seed=number, context=Context(device=setting.device, shared=shared))
        return result.errors, dict(result.metrics)

    alone = [run(number, False) for number in range(len(networks))]
    with ThreadPoolExecutor(len(networks)) as pool:
        beside = [list(pool.map(partial(run, shared=True), range(len(networks)))) for _ in range(2)]
    same = sum(one == other for each in beside for one, other in zip(alone, each, strict=True))
    yield Row("lanes equal trainings alone, bit for bit, twice", f"{same} of {2 * len(networks)}")
    yield Row("steps that could not be recorded", Warnings.count)


def command(setting: Setting, folder: Path, *words: object) -> list[str]:
    """A search, as it is typed."""
    usual = ["--data", setting.data, "--device", setting.device, "--out", folder, "--quiet"]
    name = ["search", "--space", "regnetx", "--strategy", "random", "--no-baselines" if setting.small else "--quiet"]
    return [sys.executable, "-m", "regnas", *map(str, [*name, *usual, *words])]


def main_job(setting: Setting) -> Iterator[Row]:
    """The README's command, from the start of the program to its end."""
    budget = 2 if setting.small else 25
    with tempfile.TemporaryDirectory() as folder:
        seconds = _timed(command(setting, Path(folder), "--budget", budget))
        yield Row(f"main job, {budget} candidates", seconds, "s", "" if setting.small else "aim 25")


def sharing(setting: Setting) -> Iterator[Row]:
    """Longer trainings, by candidates at a time."""
    if setting.small:
        return
    for share in ("1", "4", "8", "auto"):
        with tempfile.TemporaryDirectory() as folder:
            words = ("--budget", 24, "--epochs", 9, "--per-device", share, "--no-baselines")
            yield Row(
                f"24 candidates of 9 epochs, --per-device {share}", _timed(command(setting, Path(folder), *words)), "s"
            )


def pruning(setting: Setting) -> Iterator[Row]:
    """Trainings that are paused and go on among others."""
    budget = 3 if setting.small else 24
    with tempfile.TemporaryDirectory() as folder:
        words = ("--budget", budget, "--epochs", 3, "--pruner", "asha[eta=2]")
        seconds = _timed(command(setting, Path(folder), *words))
        yield Row(f"asha, {_ended(Path(folder))} of {budget} candidates ended", seconds, "s")


def killed(setting: Setting) -> Iterator[Row]:
    """kill -9 in the middle, and the same command again."""
    budget = 3 if setting.small else 16
    with tempfile.TemporaryDirectory() as folder:
        words = command(setting, Path(folder), "--budget", budget, "--epochs", 2)
        with subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and not list(Path(folder).glob("**/results/*.json")):
                time.sleep(0.05)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        _timed(words)
        yield Row("after kill -9 and the same command", f"{_ended(Path(folder))} of {budget} candidates ended")


def crowded(setting: Setting) -> Iterator[Row]:
    """Lanes for whose memory there is no room."""
    if setting.small:
        return
    free, _ = torch.cuda.mem_get_info(setting.device)
    ballast = torch.empty(max(0, free - 3 * 2**30), dtype=torch.uint8, device=setting.device)
    with tempfile.TemporaryDirectory() as folder:
        words = ("--budget", 12, "--flops", "50M:100M", "--resolution", 64, "--per-device", 12, "--no-baselines")
        seconds = _timed(command(setting, Path(folder), *words, "--epochs", 2))
        yield Row(f"3 GiB for 12 lanes: {_ended(Path(folder))} of 12 candidates ended", seconds, "s")
    del ballast
    torch.cuda.empty_cache()


def large(setting: Setting) -> Iterator[Row]:
    """RegNetX-400MF beside the plain loop with autocast."""
    for resolution in (32,) if setting.small else (64, 224):
        name = "RegNetX-200MF" if setting.small else "RegNetX-400MF"
        space, params = preset(name.lower())
        network = cast(Staged, regnas.space(space, resolution=resolution, classes=10).decode(params))
        batch = 4 if setting.small else 128
        evaluator = setting.evaluator(batch_size=batch, resolution=resolution)
        ours, _ = together(evaluator, [network], setting.device, setting.seconds)
        peer = plain(network, setting.device, resolution, batch, setting.seconds, autocast=True)
        yield Row(f"{name} at {resolution} px", ours, "images/s", f"{_against(ours / peer, 1.1)} plain with autocast")


def final(setting: Setting) -> Iterator[Row]:
    """The training of a winner."""
    epochs = 1 if setting.small else 30
    with tempfile.TemporaryDirectory() as folder:
        _timed(command(setting, Path(folder), "--budget", 1, "--epochs", 1))
        (study,) = Path(folder).glob("*/best.json")
        words = [sys.executable, "-m", "regnas", "train", study.parent, "--epochs", epochs, "--device", setting.device]
        yield Row(f"regnas train, {epochs} epochs", _timed(list(map(str, words))), "s")


PARTS: tuple[Callable[[Setting], Iterator[Row]], ...] = (
    main_job, speeds, equal, large, pruning, killed, crowded, final, sharing,
)  # fmt: skip


def measured(setting: Setting) -> Iterator[Row]:
    """All rows; a part that fails, or for which no time is left, is a row that says so."""
    for part in PARTS:
        if _left() < _LEAST:
            yield Row(f"{part.__name__} and what follows", "no time was left")
            return
        try:
            for row in part(setting):
                yield row
                if _left() < _LEAST:
                    yield Row(f"{part.__name__}, further rows of it", "no time was left")
                    break
        except Exception as error:
            yield Row(part.__name__, f"failed: {type(error).__name__}: {str(error)[:300]}")
        gc.collect()
        if setting.device.startswith("cuda"):
            with suppress(RuntimeError):  # the device is lost to this process, which the part's row says
                torch.cuda.empty_cache()


def _against(ratio: float, aim: float) -> str:
    return f"{ratio:.2f} x (aim {aim:g} x)"


def _left() -> float:
    return LIMIT - (time.perf_counter() - _START)


def _timed(words: list[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=max(1.0, _left())
    )
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()[-250:]}")
    return time.perf_counter() - start


class Warnings(logging.Handler):
    """Counts what is logged of steps that cannot be recorded."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        Warnings.count += "cannot be recorded" in record.getMessage()


def _ended(folder: Path) -> int:
    """Candidates of the study in a folder that are complete or pruned."""
    import csv

    (trials,) = folder.glob("*/trials.csv")
    with trials.open() as file:
        return sum(row["state"] in ("COMPLETE", "PRUNED") for row in csv.DictReader(file))


def table(name: str, machine: str, rows: list[Row]) -> None:
    """Print what was measured."""
    print(f"{name}; {machine}\n\n| | | |\n|---|---|---|")
    for row in rows:
        value = row.value if isinstance(row.value, str) else f"{row.value:,.1f} {row.unit}"
        print(f"| {row.what} | {value} | {row.note} |", flush=True)


def _ended_late(name: str, machine: str, rows: list[Row]) -> None:
    table(name, machine, rows)
    os._exit(1)


def main() -> None:
    """Measure, print a table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    device = devices(options.device)[0]
    setting = Setting(device, small=device == "cpu")
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    logging.getLogger("regnas").addHandler(Warnings())
    rows: list[Row] = []
    out = options.out or Path(__file__).parent / "results" / f"gpu-{name.lower().replace(' ', '-')}.json"
    machine = f"{describe()}, CUDA {torch.version.cuda}"
    if not setting.small:  # a device that hangs would keep the table, too
        end = threading.Timer(LIMIT + _GRACE, _ended_late, (name, machine, rows))
        end.daemon = True
        end.start()
    for row in measured(setting):
        rows.append(row)
        print(row, file=sys.stderr, flush=True)
        found = {"device": name, "machine": machine, "rows": [asdict(one) for one in rows]}
        out.write_text(json.dumps(found, indent=1) + "\n")
    table(name, machine, rows)
    if any(str(row.value).startswith("failed") for row in rows):
        raise SystemExit("a part failed: see the table")


if __name__ == "__main__":
    main()
