"""Workers in Ray on this machine, and clusters that are not there or lack something."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import regnas
from regnas.errors import RegnasError, UsageError
from regnas.evaluator import Task
from regnas.executor import Event, WorkerSpec
from regnas.messages import EvaluateJob, RunEnded
from regnas.studies.executors.make import make_engine
from regnas.studies.executors.ray import sockets
from regnas.studies.executors.ray.executor import Seats
from regnas.studies.executors.worker_pool import Fleet
from regnas.studies.search.search import SearchResult

KNOWS_TOKENS = hasattr(pytest.importorskip("ray")._raylet, "get_authentication_mode")
NO_TOKENS = "this release of Ray knows no tokens"

Run = Callable[..., tuple[int, str, str]]
Search = Callable[..., SearchResult]


def spec_of(folder: Path, evaluator: str = "fast", count: int = 1, **changes: Any) -> WorkerSpec:
    usual: dict[str, Any] = {"task": Task(data="fake"), "devices": ("cpu",), "logs": folder / "logs", "folder": folder}
    return WorkerSpec(evaluator=evaluator, count=count, **{**usual, **changes})


def job(folder: Path, index: int = 0) -> EvaluateJob:
    (network,) = (one.architecture for one in regnas.space("regnetx", flops="200M:400M").sample(1))
    kept, result = str(folder / "checkpoints" / str(index)), str(folder / f"{index}.json")
    return EvaluateJob(index=index, seed=7, architecture=network.to_json(), folder=kept, result=result)


def until(fleet: Fleet, true: Callable[[list[Event]], bool], seconds: float = 60) -> list[Event]:
    """Events until something is true of them."""
    found: list[Event] = []
    end = time.monotonic() + seconds
    while not true(found):
        assert time.monotonic() < end, found
        found += fleet.events(0.05)
    return found


def ended(events: list[Event]) -> list[Event]:
    return [event for event in events if event.ends]


@pytest.fixture
def fleet(fast: Any, tmp_path: Path) -> Iterator[Fleet]:
    made = make_engine("ray").start(spec_of(tmp_path, "fast[hang_once=0]"))
    assert isinstance(made, Fleet)
    yield made
    made.close()


def test_ray_on_this_machine_listens_to_this_machine_alone(fleet: Fleet) -> None:
    found = until(fleet, lambda _: fleet.free() == 1)
    assert found == []  # a note would say which sockets do not
    assert sockets.exposed(os.getpid()) == []


def test_an_actor_that_is_lost_is_made_again_and_its_candidate_has_failed(
    fleet: Fleet, fast: Any, tmp_path: Path
) -> None:
    until(fleet, lambda _: fleet.free() == 1)
    fleet.submit(job(tmp_path))
    until(fleet, lambda _: bool(fast.lines()))
    worker = fast.lines()[0][-1]
    os.kill(_parent(worker), signal.SIGKILL)
    (failed,) = ended(until(fleet, lambda events: bool(ended(events))))
    assert failed.kind == "failed" and failed.message.startswith("its worker was lost with its Ray actor (")
    until(fleet, lambda _: fleet.free() == 1)
    fleet.submit(job(tmp_path))
    assert [event.kind for event in ended(until(fleet, lambda events: bool(ended(events))))] == ["done"]
    assert (tmp_path / "0.json").exists() and not list(tmp_path.glob("**/*.part"))


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


class Scripted:
    """Stands for Ray: who waits for an actor hears of its end a moment after it is killed."""

    def __init__(self) -> None:
        self.killed = threading.Event()
        self.waiting = 0
        self.waiting_at_end: int | None = None

    def remote(self, **_: Any) -> Any:
        actor = SimpleNamespace(hear=SimpleNamespace(remote=lambda: "reference"))
        return lambda _: SimpleNamespace(remote=lambda *_: actor)

    def get(self, _: str) -> list[Any]:
        self.waiting += 1
        self.killed.wait(60)
        time.sleep(0.3)
        self.waiting -= 1
        return []

    def kill(self, _: Any, no_restart: bool) -> None:
        self.killed.set()

    def shutdown(self) -> None:
        self.waiting_at_end = self.waiting


def test_ray_ends_after_all_who_wait_for_it(tmp_path: Path) -> None:
    # Ray starts another cluster for who asks it after its end, and ends the process when that does not answer.
    scripted = Scripted()
    seats = Seats(scripted, spec_of(tmp_path), {}, None, here=True)
    seats.launch(0, lambda _: None)
    seats.launch(1, lambda _: None)
    while scripted.waiting < 2:
        time.sleep(0.01)
    seats.close()
    assert scripted.waiting_at_end == 0


class Here:
    """Stands for Ray: actors are objects of this process, and what is asked of them is done at once."""

    def remote(self, **_: Any) -> Any:
        return lambda kind: SimpleNamespace(remote=lambda *given: self.actor(kind(*given)))

    def actor(self, host: Any) -> Any:
        hear = SimpleNamespace(remote=lambda: host.hear)
        return SimpleNamespace(host=host, take=SimpleNamespace(remote=host.take), hear=hear)

    def get(self, work: Callable[[], Any]) -> Any:
        return work()

    def kill(self, actor: Any, no_restart: bool) -> None:
        actor.host._relay.close()
        actor.host._out.put(RunEnded(-1, ""))  # wakes who hears

    def shutdown(self) -> None: ...


def test_an_actor_evaluates_several_candidates_at_a_time_and_sends_the_files_of_each(fast: Any, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "fast[sleep=100,lanes=3]", count=3, lanes=3, per_device=3)
    seats = Seats(Here(), spec, {}, None, here=False)
    fleet = Fleet(spec, seats.launch, ended=seats.close)
    try:
        until(fleet, lambda _: fleet.free() == 3)
        for index in range(3):
            fleet.submit(job(tmp_path, index))
        assert fleet.free() == 0
        found = ended(until(fleet, lambda events: len(ended(events)) == 3))
    finally:
        fleet.close()
    assert {event.index: event.kind for event in found} == dict.fromkeys(range(3), "done")
    assert len({process for *_, process in fast.lines()}) == 1
    assert all((tmp_path / f"{index}.json").exists() for index in range(3))


@pytest.mark.slow
def test_a_search_in_ray_is_the_search_in_processes(fast_search: Search) -> None:
    options: dict[str, Any] = {"evaluator": "curve", "pruner": "asha", "workers": 1, "baselines": False}
    one = fast_search(9, executor="ray", **options)
    other = fast_search(9, out="other", **options)
    assert [(row["state"], row["error"]) for row in one.rows] == [(row["state"], row["error"]) for row in other.rows]
    assert "PRUNED" in {row["state"] for row in one.rows}


@pytest.mark.slow
def test_trained_weights_come_back_and_are_tested(tmp_path: Path) -> None:
    usual: dict[str, Any] = {"data": "fake", "budget": 1, "epochs": 1, "quiet": True}
    one = regnas.search(out=tmp_path / "a", executor="ray", workers=1, **usual)
    other = regnas.search(out=tmp_path / "b", workers=1, device="cpu", **usual)
    assert one.best.error == other.best.error and one.best.test_error == other.best.test_error is not None
    assert one.best.folder is not None and regnas.load(one.best.folder) is not None


@pytest.mark.slow
def test_a_candidate_that_kills_its_process_is_recorded_with_its_signal(regnas_command: Run, fast: Any) -> None:
    words = ("--data", "fake", "--evaluator", "fast[kill=1]", "--workers", 1, "--budget", 3, "--executor", "ray")
    code, printed, _ = regnas_command("search", *words)
    assert code == 0
    assert "candidate 1 failed (3 of 3): its worker was killed by SIGKILL (out of memory?)" in printed
    assert sorted(fast.evaluated()) == [0, 1, 1, 1, 2, 3]


@pytest.fixture
def head(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a head node on the loopback interface, which stands for a cluster, and the environment of its
    users: it asks for a token, as clusters do by default from Ray 2.60 on where one was made, unless the test says
    ``disabled``.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = {"RAY_AUTH_MODE": getattr(request, "param", "token"), "RAY_AUTH_TOKEN": "a" * 64}
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **token}
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", f"--port={port}", "--block"]
    words = ["--include-dashboard=false", "--num-cpus=2", '--resources={"fast": 1}', f"--temp-dir=/tmp/ray-{port}"]
    with (tmp_path / "ray.log").open("w") as log:
        node = subprocess.Popen(
            [*ray, *words],
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**environment, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"},
        )
        try:
            _answers(port)
            yield f"127.0.0.1:{port}", environment
        finally:
            os.killpg(node.pid, signal.SIGKILL)
            node.wait(30)
            shutil.rmtree(f"/tmp/ray-{port}", ignore_errors=True)


def _search(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    """A driver of its own: how Ray asks for tokens is settled once in a process."""
    command = [sys.executable, "-m", "regnas", "search", "--workers", 1, "--epochs", 1, *words]
    return subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_a_search_in_ray_of_this_machine_has_no_words_of_ray(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "RAY_AUTH_MODE"}
    done = _search(environment, "--data", "fake", "--budget", 1, "--executor", "ray", "--out", tmp_path / "runs")
    assert done.returncode == 0 and not done.stderr, done.stderr


@pytest.mark.slow
def test_a_cluster_gets_the_images_and_gives_its_resources(head: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    """The data set lies where only the driver is told."""
    from PIL import Image

    address, environment = head
    for part in ("train", "val"):
        for label, colour in (("a", 0), ("b", 255)):
            (tmp_path / "photos" / part / label).mkdir(parents=True)
            for number in range(16):
                image = tmp_path / "photos" / part / label / f"{number}.png"
                Image.new("RGB", (16, 16), (colour, number, 0)).save(image)
    ray = ("--executor", "ray[resources=fast:0.5]", "--ray-address", address)
    images = ("--data", f"imagefolder:{tmp_path}/photos", "--resolution", 16)
    done = _search(environment, *ray, *images, "--flops", ":2M", "--budget", 2, "--out", tmp_path / "runs")
    assert done.returncode == 0 and not done.stderr, done.stderr
    trials = (tmp_path / "runs/regnetx-random-0/trials.csv").read_text()
    assert trials.count("COMPLETE") == 2


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_TOKEN": "b" * 64}, None])
def test_a_cluster_that_asks_for_a_token_is_said_to(
    head: tuple[str, dict[str, str]], tmp_path: Path, changes: dict[str, str] | None
) -> None:
    if not KNOWS_TOKENS:
        pytest.skip(NO_TOKENS)
    address, environment = head
    if changes is None:  # a home without one
        changes = {"HOME": str(tmp_path)}
        del environment["RAY_AUTH_TOKEN"]
    words = ("--data", "fake", "--budget", 1, "--executor", "ray", "--ray-address", address, "--out", tmp_path / "runs")
    done = _search({**environment, **changes}, *words)
    assert done.returncode == 1
    assert f"Error: the Ray cluster at {address} asks for its token" in done.stderr
    assert "RAY_AUTH_MODE=token, with the token in ~/.ray/auth_token or in RAY_AUTH_TOKEN" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("head", ["disabled"], indirect=True)
def test_a_cluster_without_a_token_is_not_sent_one(head: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    """Ray's actors would die there."""
    if not KNOWS_TOKENS:
        pytest.skip(NO_TOKENS)
    address, environment = head
    words = ("--data", "fake", "--budget", 1, "--executor", "ray", "--ray-address", address, "--out", tmp_path / "runs")
    done = _search({**environment, "RAY_AUTH_MODE": "token"}, *words)
    assert done.returncode == 1
    assert f"Error: the Ray cluster at {address} takes no token" in done.stderr
    done = _search(environment, *words)
    assert done.returncode == 0 and not done.stderr, done.stderr


def _answers(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the head node does not listen")


def test_an_address_where_nothing_listens_is_said_at_once(fast_search: Search, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(RegnasError, match=f"no Ray cluster answers at {address} .*ray status"):
        fast_search(2, executor="ray", ray_address=address, workers=1)


def test_an_address_where_something_else_listens_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from regnas.studies.executors.ray.probe import probe

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(RegnasError, match=f"what listens at {address} does not answer as a Ray cluster"):
            probe(address, seconds=2.0)


def test_a_cluster_that_half_answers_is_waited_for_a_while_only() -> None:
    from regnas.studies.executors.ray.cluster import _bounded

    with pytest.raises(RegnasError, match="could not join it in 0.1 s"):
        _bounded(lambda: time.sleep(2), "10.0.0.1:6379", seconds=0.1)
    with pytest.raises(RegnasError, match="refuses: version mismatch"):
        _bounded(lambda: exec('raise RuntimeError("version mismatch")'), "10.0.0.1:6379")


@pytest.mark.parametrize("there", ["no regnas", "0.0.9"])
def test_a_node_without_this_regnas_is_named(there: str) -> None:
    from regnas.studies.executors.ray.cluster import check_nodes

    remote = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda: None))
    nodes = [{"Alive": True, "NodeID": "ab" * 28, "NodeManagerAddress": "10.0.0.7"}]
    cluster = SimpleNamespace(nodes=lambda: nodes, remote=lambda _: remote, get=lambda *_, **__: there)
    with pytest.raises(
        RegnasError, match=f"node 10.0.0.7 of the Ray cluster has .*{there}, the driver has regnas 0.1.0"
    ):
        check_nodes(cluster, "0.1.0")
    check_nodes(cluster, there)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"executor": "ray[gpu=1]"}, "the executor ray has no option gpu; it has address, cpus, resources"),
        ({"executor": "ray[cpus=many]"}, "cpus of ray is a number from 0, got 'many'"),
        ({"executor": "ray[resources=fast]"}, "resources of ray are name:amount"),
        ({"executor": "ray[resources=fast:0]"}, "amounts above 0; got 'fast:0'"),
        ({"executor": "ray[address=a:1]", "ray_address": "b:1"}, "not both"),
        ({"executor": "ray", "ray_address": "10.0.0.1:6379"}, "needs --workers"),
    ],
)
def test_what_makes_no_sense_is_refused(fast_search: Search, options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        fast_search(2, workers=None, **options)


def test_resources_of_several_kinds_are_read() -> None:
    from regnas.studies.executors.ray.executor import RayEngine

    assert RayEngine(resources="a100:0.5|fast:1").amounts == {"a100": 0.5, "fast": 1}


def test_a_socket_that_listens_beyond_this_machine_is_found() -> None:
    with socket.socket() as inside, socket.socket() as outside:
        inside.bind(("127.0.0.1", 0))
        inside.listen()
        assert sockets.exposed(os.getpid()) == []
        outside.bind(("0.0.0.0", 0))  # nobody is told of it, and it accepts nobody
        outside.listen()
        assert [line.rpartition(":")[2] for line in sockets.exposed(os.getpid())] == [str(outside.getsockname()[1])]
