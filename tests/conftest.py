"""Fixtures for all tests: a fast evaluator as an installed plug-in, and commands in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Before torch is imported: several threads in each of several test processes wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_ENTRY_POINTS = """\
[regnas.evaluators]
fast = regnas_fast:make
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
import optuna.storages, sqlalchemy.orm, torch
import regnas.cli, regnas.evaluators.runtime, regnas.studies.report, regnas.studies.search
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
        usual = {"data": "fake", "evaluator": "fast", "workers": 0, "quiet": True}
        folder = tmp_path / out
        return regnas.search(budget=budget, out=folder, storage=str(folder / "j.journal"), **{**usual, **options})

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
def eventually() -> Callable[..., None]:
    """``eventually(lambda: ..., timeout)`` waits for something to become true."""

    def wait(true: Callable[[], bool], timeout: float = 30, otherwise: str = "it is not so") -> None:
        wait_until(true, timeout, lambda: otherwise)

    return wait
