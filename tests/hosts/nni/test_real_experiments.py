"""NNI's server, for real, watched from outside: experiments of six trials, and the examples of docs/nni.md."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import regnas

pytest.importorskip("nni", reason="NNI is not installed: pip install 'regnas[nni]'")

EXAMPLES = Path(__file__).resolve().parents[3] / "docs" / "examples"
NARROW = regnas.space("regnetx", flops="360M:400M")

TOY = """
import nni
def score(architecture):
    nni.report_intermediate_result(0.5)
    nni.report_final_result(1 - architecture.complexity(224).activations / 1e8)
"""
# Python runs this first: the process of the first trial asks NNI for its parameters after that of the second.
LATE = """
import os, time
if os.environ.get("NNI_TRIAL_SEQ_ID") == "0":
    time.sleep(4)
"""
SCRIPT = """
import json, sys
import regnas, toy
from regnas.hosts.nni import RegnasExperiment
from regnas.hosts.nni.importing import load
if __name__ == "__main__":
    evaluator = load("nni.nas.evaluator").FunctionalEvaluator(toy.score)
    strategy = load("nni.nas.strategy").RegularizedEvolution(population_size=3, sample_size=2, seed=0)
    space = regnas.space("regnetx", flops="360M:400M")
    experiment = RegnasExperiment(space, evaluator, strategy, trials=6, concurrency=2, folder="out")
    experiment.run(port=int(sys.argv[1]))
    models = experiment.export_top_models(10)
    results = [{"sample": one.sample, "metric": one.metric, "curve": one.metrics.intermediates} for one in models]
    experiment.stop()
    print(json.dumps(results))
"""


@dataclass(frozen=True)
class Watched:
    """What a program printed, and what its processes did.

    Attributes:
        addresses: on which any of them listened.
        left: those that were still there after it.
    """

    code: int
    output: str
    errors: str
    addresses: set[str]
    left: list[str]


@pytest.fixture
def watched(tmp_path: Path) -> Callable[..., Watched]:
    """Runs a Python program in a folder, a home and a configuration of its own; ``{port}`` is a free port."""
    psutil: Any = import_module("psutil")  # NNI needs it

    def run(*words: str) -> Watched:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        environment = {**os.environ, "HOME": str(tmp_path), "NNI_CONFIG_DIR": str(tmp_path / "nni")}
        command = [sys.executable, *(word.replace("{port}", port) for word in words)]
        with open(tmp_path / "output", "w+") as output, open(tmp_path / "errors", "w+") as errors:
            program = psutil.Popen(command, cwd=tmp_path, env=environment, stdout=output, stderr=errors)
            seen: dict[int, Any] = {}
            addresses: set[str] = set()
            while program.poll() is None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    seen |= {child.pid: child for child in program.children(recursive=True)}
                for process in (program, *seen.values()):
                    addresses |= _listening(process)
                with contextlib.suppress(psutil.TimeoutExpired, subprocess.TimeoutExpired):
                    program.wait(timeout=0.2)
            _, alive = psutil.wait_procs(seen.values(), timeout=10)
            left = [str(process) for process in alive]
            for process in alive:
                process.kill()
            texts = [(file.seek(0), file.read())[1] for file in (output, errors)]
        return Watched(program.returncode, texts[0], texts[1], addresses, left)

    def _listening(process: Any) -> set[str]:
        try:
            found = process.net_connections(kind="inet")
        except psutil.Error:
            return set()
        return {one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN}

    return run


def test_six_trials_on_this_machine_alone(
    watched: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results are those of their networks, all inside the window; nothing listened elsewhere, and nothing is left."""
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "search.py").write_text(SCRIPT)
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "sitecustomize.py").write_text(LATE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "late"), prepend=os.pathsep)
    done = watched("search.py", "{port}")
    assert done.code == 0, done.errors
    assert "NNI's page of this experiment: http://127.0.0.1:" in done.output
    results = json.loads(done.output.splitlines()[-1])
    found = [NARROW.judge(NARROW.canonical(one["sample"])) for one in results]
    assert len({one.architecture.key() for one in found if one is not None}) == len(results) == 6
    for one, candidate in zip(results, found, strict=True):
        assert candidate is not None
        assert one["metric"] == pytest.approx(1 - candidate.complexity.activations / 1e8)
        assert one["curve"] == [0.5]
    assert results == sorted(results, key=lambda one: -one["metric"])
    assert done.addresses == {"127.0.0.1"}
    assert done.left == []
    assert list((tmp_path / "out").glob("*/log/experiment.log"))


@pytest.mark.parametrize(("name", "lines"), [("nni_strategy.py", 4), ("nni_tuner.py", 3)])
def test_without_a_server(name: str, lines: int, watched: Callable[..., Any]) -> None:
    done = watched(str(EXAMPLES / name))
    assert (done.code, done.errors) == (0, "")
    assert len(done.output.splitlines()) == lines and "'group_width': " in done.output
    assert done.addresses == set()


@pytest.mark.slow
@pytest.mark.parametrize("words", [("nni_tuner.py", "experiment"), ("nni_experiment.py",)])
def test_with_nni_s_server(words: tuple[str, ...], watched: Callable[..., Any]) -> None:
    done = watched(str(EXAMPLES / words[0]), *words[1:], "{port}")
    assert done.code == 0, done.errors
    assert len(re.findall("'group_width': ", done.output)) == 6
    assert done.addresses == {"127.0.0.1"}
    assert done.left == []
