"""PostgreSQL as a storage: a lease that expires, kills, a server that goes away, resuming elsewhere, no password."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Engine, create_engine, text

from regnas.errors import StudyError
from regnas.studies.run.progress import Silent
from regnas.studies.search.search import SearchResult
from regnas.studies.storage.lease import TABLE, Lease, LeaseLost
from regnas.studies.storage.open import open_storage, stored_names, with_driver
from regnas.studies.storage.outage import Patience
from regnas.testing.postgres import NoPostgres, Server, programs, server

Search = Callable[..., SearchResult]
BUDGET = 30
_NUMBERS = count()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """A server on loopback that is thrown away; without PostgreSQL the test is skipped."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'regnas[postgres]'")
    try:
        programs()
    except NoPostgres as error:
        pytest.skip(str(error))
    with server() as one:
        yield one


@pytest.fixture
def database(postgres: Server) -> Callable[[], str]:
    """``database()`` makes a new database and returns its URL, password included."""
    return lambda: postgres.database(f"test-{next(_NUMBERS)}")


def words(url: str, *further: object, sleep: int = 4, out: str = "runs") -> tuple[object, ...]:
    """A search of `BUDGET` candidates on two workers."""
    return (
        *("search", "--data", "fake", "--evaluator", f"fast[sleep={sleep}]", "--budget", BUDGET, "--workers", 2),
        *("--out", out, "--storage", url, *further),
    )


def trials_of(url: str) -> list[FrozenTrial]:
    storage = open_storage(url)
    return optuna.load_study(study_name=stored_names(storage)[0], storage=storage).get_trials()


def complete(url: str) -> list[int]:
    return sorted(trial.user_attrs["index"] for trial in trials_of(url) if trial.state == TrialState.COMPLETE)


def engine(url: str) -> Engine:
    return create_engine(with_driver(url))


def let_leases_end(url: str) -> None:
    """What the time does in a minute."""
    with engine(url).begin() as connection:
        connection.execute(text(f"UPDATE {TABLE} SET expires = expires - 60"))


def test_a_search_on_postgresql_finds_what_one_on_a_journal_finds(
    fast_search: Search, database: Callable[[], str]
) -> None:
    url = database()
    there = fast_search(8, strategy="evolution[population=3]", out="there", storage=url)
    here = fast_search(8, strategy="evolution[population=3]", out="here")
    plain = ("index", "seed", "error", "architecture", "flops")
    assert [{name: row[name] for name in plain} for row in there.rows] == [
        {name: row[name] for name in plain} for row in here.rows
    ]
    assert [trial.number for trial in trials_of(url)] == list(range(8))


def test_a_study_goes_on_from_another_folder(fast_search: Search, fast: Any, database: Callable[[], str]) -> None:
    """As on another machine: nothing that is told needs the folder."""
    url = database()
    first = fast_search(5, out="here", storage=url)
    second = fast_search(9, out="there", storage=url)
    assert sorted(fast.evaluated()) == list(range(9))
    assert [row["error"] for row in second.rows[:5]] == [row["error"] for row in first.rows]


@pytest.mark.slow
def test_a_killed_driver_is_waited_for_until_its_lease_ends(
    command: Callable[..., Any], fast: Any, database: Callable[[], str], eventually: Any
) -> None:
    url = database()
    running = command(*words(url, sleep=200))
    eventually(lambda: len(fast.lines()) >= 6)
    second = command(*words(url, out="other"))  # while the first one lives
    assert second.wait() == 1 and "is being run by process" in second.output
    running.kill()
    refused = command(*words(url, out="other"))
    assert refused.wait() == 1
    assert "whose lease ends in " in refused.output and "unless it renews it" in refused.output
    done, before = complete(url), len(fast.lines())
    let_leases_end(url)
    last = command(*words(url, sleep=200, out="other"))
    assert last.wait() == 0, last.output
    assert complete(url) == list(range(BUDGET))
    assert not set(fast.evaluated()[before:]) & set(done)


@pytest.mark.slow
def test_a_server_that_crashes_during_a_search_costs_no_evaluation(
    command: Callable[..., Any], fast: Any, postgres: Server, database: Callable[[], str], eventually: Any
) -> None:
    url = database()
    running = command(*words(url, sleep=30))
    for begun in (4, 12):
        eventually(lambda begun=begun: len(fast.lines()) >= begun)
        postgres.stop()
        time.sleep(0.2)
        postgres.start()
    assert running.wait() == 0, running.output
    assert "the database is away, waiting up to 300 s" in running.output
    assert "the database is back after" in running.output
    assert complete(url) == list(range(BUDGET)) and len(trials_of(url)) == BUDGET
    assert sorted(fast.evaluated()) == list(range(BUDGET))  # none again


def test_after_the_limit_the_search_ends_and_the_same_command_goes_on(
    fast_search: Search, fast: Any, postgres: Server, database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database()
    make = Patience.__init__
    monkeypatch.setattr(Patience, "__init__", lambda self: make(self, limit=0.1))
    fast_search(3, storage=url)
    monkeypatch.setattr(Silent, "began", lambda self, index, candidate: postgres.stop() if index == 5 else None)
    with pytest.raises(StudyError, match="the database was away for .* nothing that is finished is lost"):
        fast_search(8, storage=url)
    postgres.start()
    let_leases_end(url)
    monkeypatch.setattr(Silent, "began", lambda self, index, candidate: None)
    assert len(fast_search(8, storage=url).rows) == 8
    assert complete(url) == list(range(8))
    assert sorted(fast.evaluated()) == list(range(8))  # the result that lay on disk was taken


@pytest.mark.parametrize("slept", ["before it asked", "between its question and its write"])
def test_a_driver_that_lost_its_lease_writes_nothing(
    fast_search: Search, fast: Any, database: Callable[[], str], monkeypatch: pytest.MonkeyPatch, slept: str
) -> None:
    """It was stopped for longer than the lease lasts, and another driver took over meanwhile."""
    url = database()

    def taken(self: Any, index: int, candidate: Any) -> None:
        if index == 3:
            let_leases_end(url)
            storage = open_storage(url)
            lease = Lease(storage, stored_names(storage)[0])
            lease._ended.set()
            if slept == "before it asked":
                monkeypatch.setattr("regnas.studies.storage.lease.time.monotonic", lambda: 1e12)  # much later
            else:
                monkeypatch.setattr(Lease, "check", lambda self: None)

    monkeypatch.setattr(Silent, "began", taken)
    with pytest.raises(StudyError, match="another driver has taken over study 'regnetx/random/0'"):
        fast_search(6, storage=url)
    assert complete(url) == [0, 1, 2]


def test_no_other_driver_takes_a_study_while_a_write_of_its_holder_goes_on(database: Callable[[], str]) -> None:
    storage = open_storage(database())
    engine: Engine = storage.engine  # type: ignore[attr-defined]
    lease = Lease(storage, "one")
    lease._ended.set()
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {TABLE} SET expires = 0"))
    with engine.begin() as connection:
        lease.fence(connection)
        waiting = Thread(target=Lease, args=(storage, "one"), daemon=True)
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive()
    waiting.join(30)
    assert not waiting.is_alive()
    with pytest.raises(LeaseLost), engine.begin() as connection:
        lease.fence(connection)


@pytest.mark.slow
def test_no_output_and_no_file_has_the_password(
    command: Callable[..., Any], fast: Any, postgres: Server, database: Callable[[], str], tmp_path: Path
) -> None:
    url = database()
    outputs = []
    for asked in (words(url), words(url), words(url, "--seed", 1, "--study", "regnetx/random/0")):
        done = command(*asked)
        done.wait()
        outputs.append(done.output)
    assert "exists with other settings" in outputs[-1]
    missing = command(*words(url.rpartition("/")[0] + "/missing"))
    assert missing.wait() == 1 and ":***@127.0.0.1" in missing.output
    stopped = command(*words(url, "--budget", 500, "--study", "long", sleep=50))
    while "4/500" not in stopped.output and not stopped.ended():
        time.sleep(0.01)
    stopped.interrupt()
    assert stopped.wait() == 130 and ":***@127.0.0.1" in stopped.output
    outputs += [missing.output, stopped.output]
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert any(path.name == "study.json" for path in files)
    texts = [*outputs, *(path.read_bytes().decode(errors="replace") for path in files)]
    assert not [text for text in texts if postgres.password in text]


def test_a_folder_names_its_storage_without_the_password(
    fast_search: Search,
    postgres: Server,
    database: Callable[[], str],
    regnas_command: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PostgreSQL's client finds it where it always does; the server is asked when it is named."""
    url = database()
    folder = fast_search(3, storage=url).folder
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    kept = json.loads((folder / "study.json").read_text())["storage"]
    assert postgres.password not in kept
    code, _, errors = regnas_command("report", folder)
    assert code == 1 and f"names the storage {kept}, which is not beside its folder" in errors
    code, _, errors = regnas_command("report", folder, "--storage", kept)
    assert code == 0, errors


def test_a_driver_of_python_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    url = "postgresql+missing://regnas:secret@127.0.0.1/x"
    with pytest.raises(StudyError) as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)
