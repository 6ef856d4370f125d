"""Fixtures for all tests: a fast evaluator as an installed plug-in, and commands in processes of their own."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Before torch is imported: several threads in each of several test processes wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_ENTRY_POINTS = """\
[regnas.evaluators]
fast = regnas_fast:make
curve = regnas_curve:make
raising = regnas_raising:make

[regnas.datasets]
sealed = regnas_fast:sealed
raising = regnas_raising:make

[regnas.search_spaces]
raising = regnas_raising:make

[regnas.strategies]
raising = regnas_raising:make
"""

# Importing torch takes seconds, so this process does it once and forks for every command.
_SERVER = """\
import json, os, sys
import matplotlib.figure, optuna.storages, optuna_dashboard, sqlalchemy.orm, torch
import regnas.cli, regnas.evaluators.training.devices
import regnas.studies.search.report.printed, regnas.studies.search.search
for line in sys.stdin:
    job = json.loads(line)
    if "pid" in job:
        found, status = os.waitpid(job["pid"], os.WNOHANG)
        reply = os.waitstatus_to_exitcode(status) if found else None
    else:
        reply = os.fork()
    if reply == 0 and "pid" not in job:
        os.setsid()
        os.chdir(job["folder"])
        os.environ.update(job["environment"])
        sys.path[:0] = job["path"]
        output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number in (1, 2):
            os.dup2(output, number)
        sys.argv = ["regnas", *job["words"]]
        code = 1
        try:
            regnas.cli.main()
        except SystemExit as end:
            code = end.code
        finally:
            sys.stdout.flush()
            os._exit(code)
    print(json.dumps(reply), flush=True)
"""


@dataclass(frozen=True)
class Fast:
    """What the evaluator ``fast`` wrote down: its log, and where its distribution lies."""

    folder: Path
    log: Path
    sealed_log: Path

    def lines(self) -> list[tuple[int, str, int, int]]:
        """Index, architecture key, seed and process of every evaluation that was begun, in order."""
        text = self.log.read_text() if self.log.exists() else ""
        rows = [line.split() for line in text.splitlines()]
        return [(int(index), key, int(seed), int(process)) for index, key, seed, process in rows]

    def evaluated(self) -> list[int]:
        """The index of every evaluation that was begun, in order."""
        return [line[0] for line in self.lines()]

    def readings(self) -> int:
        """How often the test images of the data set ``sealed`` were read."""
        return len(self.sealed_log.read_text().splitlines()) if self.sealed_log.exists() else 0


@pytest.fixture(scope="session")
def fast_distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an installed distribution that brings the plug-ins of ``fast_plugin.py``."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "regnas_fast.py").write_text((Path(__file__).parent / "fast_plugin.py").read_text())
    (folder / "regnas_curve.py").write_text((Path(__file__).parent / "curve_plugin.py").read_text())
    (folder / "regnas_raising.py").write_text('raise RuntimeError("libmissing.so is not there\\nsecond line")\n')
    info = folder / "regnas_fast-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: regnas-fast\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_ENTRY_POINTS)
    return folder


@pytest.fixture
def fast(fast_distribution: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fast:
    """The plug-ins ``fast`` (an evaluator), ``sealed`` (a data set) and ``raising`` are installed, here and in
    every process started from here.
    """
    before = os.environ.get("PYTHONPATH")
    monkeypatch.syspath_prepend(fast_distribution)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(fast_distribution), before])))
    made = Fast(fast_distribution, tmp_path / "fast.log", tmp_path / "sealed.log")
    monkeypatch.setenv("REGNAS_FAST_LOG", str(made.log))
    monkeypatch.setenv("REGNAS_SEALED_LOG", str(made.sealed_log))
    return made


class Command:
    """A running ``regnas`` command, leader of a process group of its own."""

    def __init__(self, ask: Callable[..., Any], process: int, output: Path) -> None:
        self._ask = ask
        self._output = output
        self.process = process
        self.code: int | None = None

    @property
    def output(self) -> str:
        """What it printed so far, on both streams."""
        return self._output.read_text()

    def ended(self) -> bool:
        if self.code is None:
            self.code = self._ask(pid=self.process)
        return self.code is not None

    def wait(self, timeout: float = 60) -> int:
        """Its exit code; minus the signal where one ended it."""
        wait_until(self.ended, timeout, lambda: f"it still runs: {self.output}")
        assert self.code is not None
        return self.code

    def interrupt(self) -> None:
        """What Ctrl-C does in a terminal: SIGINT to the foreground process group."""
        os.killpg(self.process, signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to the process group, unless it has ended."""
        if not self.ended():
            with contextlib.suppress(ProcessLookupError):  # it may not lead its group yet
                os.killpg(self.process, signal.SIGKILL)
            os.kill(self.process, signal.SIGKILL)  # it stays known until `ended` has seen its end
            self.wait()


def wait_until(true: Callable[[], bool], timeout: float, otherwise: Callable[[], str]) -> None:
    """Wait for something, and fail with a message if it does not come."""
    end = time.monotonic() + timeout
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"after {timeout:.0f} s {otherwise()}")
        time.sleep(0.003)


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    server = subprocess.Popen(
        [sys.executable, "-P", "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ask(**job: Any) -> Any:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        return json.loads(server.stdout.readline())

    yield ask
    server.kill()
    server.wait()


@pytest.fixture
def command(_server: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """``command("search", "--budget", 3)`` starts ``regnas search --budget 3`` in the test's folder."""
    started: list[Command] = []

    def start(*words: object) -> Command:
        output = tmp_path / f"output-{len(started)}.txt"
        output.touch()
        process = _server(
            words=[str(word) for word in words],
            folder=str(tmp_path),
            output=str(output),
            environment={name: value for name, value in os.environ.items() if name.startswith(("REGNAS", "PYTHON"))},
            path=os.environ.get("PYTHONPATH", "").split(os.pathsep),
        )
        started.append(Command(_server, process, output))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture
def fast_search(fast: Fast, tmp_path: Path) -> Callable[..., Any]:
    """``fast_search(5, seed=1)`` is `regnas.search` with the fast evaluator, in this process, on a journal in the
    folder ``out`` (default ``runs``).
    """
    import regnas

    def run(budget: int, *, out: str = "runs", **options: Any) -> Any:
        folder = tmp_path / out
        usual = {"data": "fake", "evaluator": "fast", "workers": 0, "quiet": True}
        usual |= {"storage": str(folder / "j.journal"), "baselines": False}
        return regnas.search(budget=budget, out=folder, **{**usual, **options})

    return run


@pytest.fixture
def regnas_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """``regnas_command("list", "spaces")`` runs the command in this process, in the test's folder; returns its exit
    code, standard output and standard error.
    """
    from regnas.cli import main

    def run(*words: object) -> tuple[int, str, str]:
        texts = [str(word) for word in words]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["regnas", *texts])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main(texts)
        code = end.value.code
        assert isinstance(code, int)
        return (code, *capfd.readouterr())

    return run


@pytest.fixture
def without_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """All networks as those of a plug-in that has no views."""
    from regnas import describe, drawing

    class Nobody:
        """What no network is an instance of."""

    for module, names in ((describe, ("Summary", "Tables", "Quantities")), (drawing, ("Profile", "Drawing"))):
        for name in names:
            monkeypatch.setattr(module, f"Supports{name}", Nobody)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """``eventually(lambda: ..., timeout)`` waits for something to become true."""

    def wait(true: Callable[[], bool], timeout: float = 30, otherwise: str = "it is not so") -> None:
        wait_until(true, timeout, lambda: otherwise)

    return wait


@pytest.fixture
def quiet_optuna() -> Iterator[None]:
    """Optuna says nothing of the studies that a test makes."""
    from regnas.studies.storage.open import quiet

    with quiet():
        yield


# A made-up table: 300 networks of three parameters, two trainings of nine epochs each.
_SIDE, _OPS, _EPOCHS = 10, ("a", "b", "c"), 9


def _made_error(x: int, y: int, op: str) -> float:
    """Best at x = 7, y = 4 and the second operation."""
    return 0.2 + 0.002 * (x - 7) ** 2 + 0.003 * (y - 4) ** 2 + 0.02 * abs(_OPS.index(op) - 1)


def _made_rows(curves: bool = True) -> list[dict[str, Any]]:
    """Two trainings of every network; noise, seconds and curves are drawn once and for all."""
    rng = np.random.default_rng(0)
    found = []
    points = [(x, y, op) for x in range(1, _SIDE + 1) for y in range(1, _SIDE + 1) for op in _OPS]
    for index, (x, y, op) in enumerate(points):
        for seed in (0, 1):
            last = _made_error(x, y, op) + 0.004 * float(rng.standard_normal())
            path = last + 0.3 * np.exp(-np.arange(1, _EPOCHS + 1) / 2) + 0.01 * rng.standard_normal(_EPOCHS)
            row = {"index": index, "seed": seed, "error": last, "seconds": 50.0 * (1 + x), "flops": 1000 * x * y}
            row |= {"params": 100 * (x + y), "activations": 10 * x}
            row |= {f"epoch_{k}": value for k, value in enumerate([*path[:-1], last], 1)} if curves else {}
            found.append(row | {"param.x": x, "param.y": y, "param.op": op})
    return found


def _write_csv(path: Path, table: list[dict[str, Any]]) -> Path:
    """A table as a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return path


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    """``write_table("made.csv", curves=False, count=400)`` writes the table, or its first trainings."""

    def make(name: str, *, curves: bool = True, count: int | None = None) -> Path:
        return _write_csv(tmp_path / name, _made_rows(curves)[:count])

    return make


@pytest.fixture
def table_file(write_table: Callable[..., Path]) -> Path:
    """The table as a file."""
    return write_table("made.csv")


@pytest.fixture
def bench(regnas_command: Callable[..., tuple[int, str, str]], table_file: Path) -> Callable[..., tuple[int, str, str]]:
    """``bench("--budget", 20)`` runs ``regnas bench`` on the made-up table."""

    def run(*words: object) -> tuple[int, str, str]:
        where = ("--space", f"table:{table_file.name}", "--evaluator", f"table:{table_file.name}")
        return regnas_command("bench", *where, *map(str, words))

    return run


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """bench.json of the one benchmark below the test's folder."""

    def read() -> dict[str, Any]:
        (path,) = (tmp_path / "regnas-runs").glob("bench-*/bench.json")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    return read


@pytest.fixture
def earlier(tmp_path: Path) -> Callable[[str], Path]:
    """``earlier("finished")`` unpacks what an earlier commit wrote (``compatibility/data``) into the test's folder."""

    def unpack(name: str) -> Path:
        with tarfile.open(Path(__file__).parent / "compatibility" / "data" / f"{name}.tar.xz") as tar:
            tar.extractall(tmp_path, filter="data")
        return tmp_path

    return unpack
