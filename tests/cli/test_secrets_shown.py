"""No command prints a password of its command line, however it ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from regnas.cli.main import main
from regnas.studies.driver import Interrupted

Run = Callable[..., tuple[int, str, str]]
SEARCH = ("search", "--data", "fake", "--budget", "1", "--workers", "0")


@pytest.mark.parametrize(
    "words",
    [
        (*SEARCH, "--storage", "postgresql://me:hunter2@127.0.0.1:1/x"),
        (*SEARCH, "--storage", "postgresql://me:a@hunter2@127.0.0.1:1/x"),
        (*SEARCH, "--storage", "postgresql://me@127.0.0.1:1/x?passwd=hunter2"),
        (*SEARCH, "--storage", "nothing://me:hunter2@db/x"),
        (*SEARCH, "--storage", "postgresql://me:hunter2/x", "--warm-start", "nothing"),
        (*SEARCH, "--storag=postgresql://me:hunter2@db/x"),
        (*SEARCH, "postgresql://me:hunter2@db/x"),
        ("compare", "--population", "nothing", "--storage", "postgresql://me:hunter2@db/x"),
        ("dashboard", "--storage", "postgresql://me:hunter2@127.0.0.1:1/x"),
        ("dashboard", "postgresql://me:hunter2@db/x"),
        ("report", "postgresql://me:hunter2@db/x"),
        ("train", "postgresql://me:hunter2@db/x"),
        ("train", "postgresql://me:hunter2@db/x", "--debug"),
    ],
    ids=lambda words: " ".join([words[0], words[-1]]),
)
def test_an_error_shows_no_password(regnas_command: Run, words: tuple[str, ...]) -> None:
    code, printed, error = regnas_command(*words)
    assert code != 0 and "hunter2" not in printed + error and error


@pytest.mark.parametrize("name", ["search", "compare", "bench"])
def test_ctrl_c_shows_how_to_go_on_without_the_password(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*words: object, **options: object) -> None:
        raise Interrupted

    for function in ("search.search.run", "compare.run.run", "bench.run.run_bench"):
        monkeypatch.setattr(f"regnas.studies.{function}", stop)
    own = {
        "search": ["--storage", "postgresql://me:hunter2@db/x", "--data", "fake"],
        "compare": ["--space", "regnetx", "--storage=sqlite:///s.db?key=hunter2", "--data", "fake", "--name", "x"],
        "bench": [
            "--space",
            "regnetx",
            "--evaluator",
            "table:recorded:fashion-mnist/regnetx",
            "--name",
            "a://b:hunter2@c",
        ],
    }
    monkeypatch.setattr("regnas.studies.search.searched_space.stored_version", lambda *words: None)
    monkeypatch.setattr("regnas.studies.search.plan.stored_recipe", lambda *words: {})
    words = [name, *own[name]]
    monkeypatch.setattr("sys.argv", ["regnas", *words])
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 130
    shown = capsys.readouterr().err
    assert "go on with: regnas" in shown and "hunter2" not in shown and "***" in shown
