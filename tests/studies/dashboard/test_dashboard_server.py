"""The dashboard as it is served: over HTTP, on the loopback interface alone, and which studies it shows."""

from __future__ import annotations

import json
import re
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import optuna
import pytest

from regnas.errors import HostError, RegnasError, StudyError, UsageError
from regnas.studies.dashboard.decorate import decorate_if_hosted
from regnas.studies.dashboard.host import require_dashboard
from regnas.studies.dashboard.serve import Dashboard, listen
from regnas.studies.dashboard.target import find
from regnas.studies.search.search import SearchResult
from regnas.studies.storage.open import open_storage

Search = Callable[..., SearchResult]


def answer(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=30) as reply:
        return json.loads(reply.read())


@pytest.fixture
def served(fast_search: Search, tmp_path: Path) -> Iterator[Dashboard]:
    """The dashboard of a study of two trials, on a port that was free."""
    fast_search(2)
    made = listen(find(None, str(tmp_path / "runs" / "j.journal"), tmp_path / "runs"), port=0)
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join(30)
    assert not thread.is_alive()


def listening(port: int, table: str) -> list[str]:
    """The addresses that a port is listened on, in the kernel's own digits."""
    rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
    return [row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port]


def test_the_dashboard_answers_over_http_on_the_loopback_interface_alone(served: Dashboard) -> None:
    port = served.server.server_port
    assert served.address == f"http://127.0.0.1:{port}/dashboard" and served.remarks == ()
    base = served.address.removesuffix("/dashboard")
    (study,) = answer(f"{base}/api/studies")["study_summaries"]
    assert study["study_name"] == "regnetx/random/0"
    shown = answer(f"{base}/api/studies/{study['study_id']}")
    assert shown["note"]["body"].startswith("# `regnetx/random/0`")
    assert {figure["id"] for figure in shown["plotly_graph_objects"]} == {"edf", "efficiency"}
    assert answer(f"{base}/api/meta")["artifact_is_available"]
    if Path("/proc/net/tcp").exists():
        assert listening(port, "/proc/net/tcp") == ["0100007F"]  # 127.0.0.1
        if Path("/proc/net/tcp6").exists():
            assert listening(port, "/proc/net/tcp6") == []


def test_a_port_in_use_is_said(fast_search: Search, tmp_path: Path) -> None:
    fast_search(1)
    target = find(None, str(tmp_path / "runs" / "j.journal"), tmp_path / "runs")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(RegnasError, match=f"cannot listen on port {port}: it is in use; name another with --port"):
            listen(target, port)


def test_a_study_is_found_by_its_folder_and_by_its_name(fast_search: Search, tmp_path: Path) -> None:
    """Folder or name: the storage is the one that the study's folder names, whichever it is."""
    fast_search(1)
    folder = fast_search(1, seed=1).folder
    out, journal = tmp_path / "runs", str(tmp_path / "runs" / "j.journal")
    for study, storage in ((str(folder), None), ("regnetx/random/1", None), ("regnetx/random/1", journal)):
        target = find(study, storage, out)
        assert (target.study, target.text, target.out) == ("regnetx/random/1", journal, out)
        assert target.path == "/dashboard/studies/1"
    assert find(None, journal, out).path == "/dashboard"
    elsewhere = find(str(folder), None, Path("regnas-runs"))
    assert elsewhere.out == out  # artifacts lie where the study does


def test_what_is_not_there_is_said_and_not_made(fast_search: Search, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    with pytest.raises(StudyError, match="there is no storage .*regnas.db yet: regnas search makes one"):
        find(None, None, out)
    with pytest.raises(StudyError, match="there is no storage .*other.journal yet"):
        find(None, str(tmp_path / "other.journal"), out)
    assert list(tmp_path.iterdir()) == []
    fast_search(1)
    journal = str(out / "j.journal")
    with pytest.raises(UsageError, match="there is no study 'regnetx/random/7' in .*; did you mean regnetx/random/0?"):
        find("regnetx/random/7", journal, out)
    with pytest.raises(UsageError, match="is no study's folder: it has no study.json"):
        find(str(out), None, out)
    open_storage(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(StudyError, match="empty.db holds no study yet; regnas search makes one"):
        find(None, f"sqlite:///{tmp_path / 'empty.db'}", out)


def test_studies_of_optuna_4_are_shown_as_they_are(tmp_path: Path) -> None:
    journal = tmp_path / "old.journal"
    optuna.create_study(storage=open_storage(str(journal)), study_name="old")
    with journal.open("a") as file:
        file.write('{"op_code":4,"worker_id":"a","study_id":0,"datetime_start":"2026-11-26T07:07:42.377307"}\n')
    before = journal.read_bytes()
    made = listen(find(None, str(journal), tmp_path), port=0)
    made.server.server_close()
    assert "the storage is of Optuna 4 or older" in made.remarks[0] and journal.read_bytes() == before


def test_studies_that_regnas_did_not_make_are_shown_as_they_are(tmp_path: Path) -> None:
    journal = tmp_path / "mine.journal"
    optuna.create_study(storage=open_storage(str(journal)), study_name="mine")
    made = listen(find(None, str(journal), tmp_path), port=0)
    made.server.server_close()
    assert made.remarks == ("no study here was made by regnas: they are shown as they are",)


def test_a_host_that_is_not_installed_is_said(
    fast_search: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = fast_search(1)
    journal = tmp_path / "runs" / "j.journal"
    before = journal.read_bytes()

    def absent(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr("regnas.system.optional.version", absent)
    with pytest.raises(
        HostError, match=re.escape("optuna-dashboard, which is not installed: pip install 'regnas[dashboard]'")
    ):
        listen(find(None, str(journal), tmp_path), port=0)
    assert not decorate_if_hosted(result.study, out=tmp_path, storage=str(journal))
    assert journal.read_bytes() == before


@pytest.mark.parametrize("version", ["0.20.1", "1.0.0", "1.2rc1"])
def test_a_host_of_another_version_is_said(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regnas.system.optional.version", lambda package: version)
    with pytest.raises(HostError, match=f"optuna-dashboard from 0.21 to below 1, and {version} is installed"):
        require_dashboard()
