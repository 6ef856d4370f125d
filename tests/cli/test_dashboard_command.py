"""``regnas dashboard`` as a command: what it prints, where it listens, how it ends."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
SEARCH = ("search", "--data", "fake", "--evaluator", "fast", "--workers", "0", "--budget", "2", "--quiet")


def test_it_prints_its_address_answers_there_and_ends_with_ctrl_c(
    command: Callable[..., Any], regnas_command: Run, fast: object, eventually: Callable[..., None]
) -> None:
    code, output, _ = regnas_command(*SEARCH)
    assert code == 0 and "dashboard: regnas dashboard  (pip install 'regnas[dashboard]')" in output
    started = command("dashboard", "regnetx/random/0", "--port", 0)
    eventually(lambda: "(Ctrl-C stops)" in started.output, 60, "it does not listen")
    match = re.search(r"^(http://127\.0\.0\.1:\d+)/dashboard/studies/(\d+)  ", started.output, re.MULTILINE)
    assert match is not None
    with urllib.request.urlopen(f"{match[1]}/api/studies/{match[2]}", timeout=30) as reply:
        study = json.loads(reply.read())
    assert len(study["trials"]) == 2 and study["note"]["body"].startswith("# `regnetx/random/0`")
    started.interrupt()
    assert started.wait() == 0 and "Traceback" not in started.output


def test_it_opens_a_browser_on_request_alone(
    regnas_command: Run, fast: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("regnas.studies.dashboard.serve.Dashboard.run", lambda made: made.server.server_close())
    assert regnas_command(*SEARCH)[0] == 0
    assert regnas_command("dashboard", "--port", 0)[0] == 0 and opened == []
    code, output, _ = regnas_command("dashboard", "--port", 0, "--open")
    assert code == 0 and opened == [output.split()[0]]
    code, output, _ = regnas_command("dashboard", "--port", 0, "--json")
    assert code == 0 and json.loads(output)["address"].startswith("http://127.0.0.1:")


def test_where_nothing_was_searched_it_says_what_makes_a_study(regnas_command: Run, tmp_path: Path) -> None:
    code, _, error = regnas_command("dashboard")
    assert code == 1 and list(tmp_path.iterdir()) == []
    assert "Error: there is no storage regnas-runs/regnas.db yet: regnas search makes one" in error


def test_other_folders_and_storages_are_in_the_command_that_a_search_prints(regnas_command: Run, fast: object) -> None:
    _, output, _ = regnas_command(*SEARCH, "--out", "my runs", "--storage", "s.journal")
    assert "dashboard: regnas dashboard --storage s.journal --out 'my runs'  (pip" in output
    _, output, _ = regnas_command(*SEARCH, "--out", "mine")
    assert "dashboard: regnas dashboard --out mine  (pip" in output
