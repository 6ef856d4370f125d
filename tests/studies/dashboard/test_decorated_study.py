"""What a study looks like in optuna-dashboard: asked of its HTTP interface, in this process, without a socket."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import numpy as np
import optuna
import optuna_dashboard
import pytest

from regnas.describe import summary
from regnas.studies.dashboard import artifacts
from regnas.studies.dashboard.decorate import decorate, decorate_all
from regnas.studies.dashboard.note import search_command
from regnas.studies.dashboard.serve import application
from regnas.studies.dashboard.target import find
from regnas.studies.search.search import SearchResult
from regnas.studies.storage.open import open_storage
from regnas.system.optuna_internals import study_system_attributes

Search = Callable[..., SearchResult]
Get = Callable[..., Any]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The storage of `fast_search`."""
    return tmp_path / "runs" / "j.journal"


@pytest.fixture
def prepare(journal: Path) -> Callable[[], None]:
    """Decorates every study of the storage, as ``regnas dashboard`` does at its start."""

    def decorated() -> None:
        decorate_all(open_storage(str(journal)), out=journal.parent, text=str(journal))

    return decorated


@pytest.fixture
def get(journal: Path) -> Get:
    """``get("/api/studies")`` is the answer of the dashboard of the storage: bytes, or what JSON says."""

    def fetch(path: str, *, host: str = "127.0.0.1") -> Any:
        environment: dict[str, Any] = {"PATH_INFO": path, "HTTP_HOST": host}
        setup_testing_defaults(environment)
        answers: list[tuple[str, dict[str, str]]] = []
        target = find(None, str(journal), journal.parent)
        answer = application(target)(
            environment, lambda status, heads, error=None: answers.append((status, dict(heads)))
        )
        body, ((status, heads),) = b"".join(answer), answers
        assert status == "200 OK", (path, status, body[:500])
        return json.loads(body) if heads["Content-Type"].startswith("application/json") and "/api" in path else body

    return fetch


def figure(study: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one["graph_object"] for one in study["plotly_graph_objects"] if one["id"] == name]
    made: dict[str, Any] = json.loads(found) if isinstance(found, str) else found
    return made


def title(study: dict[str, Any], name: str) -> str:
    return str(figure(study, name)["layout"]["title"]["text"])


def test_the_note_says_the_settings_the_five_best_and_how_to_go_on(
    fast_search: Search, prepare: Callable[[], None], get: Get
) -> None:
    rows = fast_search(7).rows
    prepare()
    note = get("/api/studies/0")["note"]["body"]
    best = sorted(rows, key=lambda row: (row["error"], row["index"]))
    assert f"**Best: {best[0]['error']:.2%} validation error, candidate {best[0]['index']}.** 7 complete." in note
    lines = note[note.index("## The 5 best of 7") : note.index("## Settings")].splitlines()[4:9]
    for line, row in zip(lines, best, strict=False):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        link = f"[{row['trial']}](/dashboard/studies/0/trials?numbers={row['trial']})"
        numbers = [f"{row['flops'] / 1e6:.2f}", f"{row['params'] / 1e3:.1f}k", f"{row['activations'] / 1e3:.1f}k"]
        assert cells[:6] == [str(row["index"]), link, f"{row['error']:.2%}", *numbers]
    for part in ("| space | `regnetx` |", "| seed | 0 |", "| data | `fake` |", f"optuna {optuna.__version__}"):
        assert part in note
    assert "regnas train" in note and "regnas dashboard --storage" in note


def test_the_figures_show_the_errors_and_the_best_of_m(
    fast_search: Search, prepare: Callable[[], None], get: Get
) -> None:
    errors = np.sort([row["error"] for row in fast_search(12).rows])
    prepare()
    study = get("/api/studies/0")
    edf, efficiency = figure(study, "edf"), figure(study, "efficiency")
    assert edf["data"][-1]["x"] == [float(f"{100 * value:.5g}") for value in [errors[0], *errors]]
    assert edf["data"][-1]["y"] == pytest.approx([k / 12 for k in range(13)], abs=1e-4)
    assert title(study, "edf").startswith("Errors of 12 random networks of regnetx<br>")
    trusted, beyond = efficiency["data"]
    assert trusted["x"] == [1, 2, 3] and beyond["x"][0] == 3 and beyond["x"][-1] == 12  # a quarter of twelve
    assert trusted["y"][0] == pytest.approx(100 * errors.mean(), rel=1e-4)  # the best of one is the mean
    assert "best of m" in efficiency["layout"]["yaxis"]["title"]["text"] and "no random sample" not in str(study)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"strategy": "tpe"}, "proposed by tpe: no random sample"),
        ({"evaluator": "curve", "pruner": "median[startup=2]"}, "only what the pruner median[startup=2] let run"),
    ],
)
def test_what_is_no_random_sample_says_so(
    fast_search: Search, prepare: Callable[[], None], get: Get, options: dict[str, Any], reason: str
) -> None:
    rows = [row for row in fast_search(8, **options).rows if row["state"] == "COMPLETE"]
    prepare()
    study = get("/api/studies/0")
    assert reason in title(study, "edf") and reason in title(study, "efficiency") and reason in study["note"]["body"]
    assert title(study, "edf").startswith(f"Errors of {len(rows)} networks of regnetx<br>")
    assert title(study, "efficiency").startswith("Best error so far<br>")
    (line,) = figure(study, "efficiency")["data"]
    assert line["y"][-1] == pytest.approx(100 * min(row["error"] for row in rows), rel=1e-4)
    assert line["y"] == sorted(line["y"], reverse=True) and line["x"][-1] == rows[-1]["index"] + 1


def test_enqueued_networks_are_no_part_of_the_distribution(
    fast_search: Search, prepare: Callable[[], None], get: Get, tmp_path: Path
) -> None:
    known = tmp_path / "known.json"
    known.write_text(json.dumps(fast_search(1, seed=9, out="other").rows[0]["params_by_name"]))
    fast_search(6, enqueue=known)
    prepare()
    study = get("/api/studies/0")
    assert title(study, "edf").startswith("Errors of 5 random networks of regnetx<br><sub>without 1 networks that were")
    assert "The 5 best of 6" in study["note"]["body"]


def test_the_five_best_trials_have_an_architecture_and_a_picture(
    fast_search: Search, prepare: Callable[[], None], get: Get
) -> None:
    rows = fast_search(7).rows
    prepare()
    best = {row["trial"]: row for row in sorted(rows, key=lambda row: row["error"])[:5]}
    for trial in get("/api/studies/0")["trials"]:
        names = {one["filename"]: one["artifact_id"] for one in trial["artifacts"]}
        if trial["number"] not in best:
            assert names == {}
            continue
        assert set(names) == {"architecture.json", "stage-widths.png"} and len(trial["artifacts"]) == 2
        where = f"/artifacts/0/{trial['trial_id']}"
        architecture = get(f"{where}/{names['architecture.json']}")
        assert json.loads(architecture) == best[trial["number"]]["architecture"]
        assert get(f"{where}/{names['stage-widths.png']}").startswith(b"\x89PNG\r\n")


def test_cells_have_a_picture_and_their_string(fast_search: Search, prepare: Callable[[], None], get: Get) -> None:
    (row, _) = fast_search(2, space="nasbench201").rows
    prepare()
    study = get("/api/studies/0")
    for trial in study["trials"]:
        names = {one["filename"]: one["artifact_id"] for one in trial["artifacts"]}
        assert set(names) == {"architecture.json", "cell.png"}
        assert get(f"/artifacts/0/{trial['trial_id']}/{names['cell.png']}").startswith(b"\x89PNG\r\n")
    cell = summary(row["architecture"]).line
    assert f"`{cell}`".replace("|", "\\|") in study["note"]["body"] and " | cell |" in study["note"]["body"]


def test_networks_of_a_kind_without_views_have_no_picture(
    fast_search: Search, prepare: Callable[[], None], get: Get, without_views: None
) -> None:
    fast_search(2, space="nasbench201")
    prepare()
    study = get("/api/studies/0")
    assert [[one["filename"] for one in trial["artifacts"]] for trial in study["trials"]] == [["architecture.json"]] * 2
    assert " | network |" in study["note"]["body"] and "nasbench201: " in study["note"]["body"]


def test_preparing_again_writes_nothing_even_if_the_study_is_read_again(
    fast_search: Search, prepare: Callable[[], None], journal: Path
) -> None:
    study = fast_search(6).study
    prepare()
    files = {path: path.stat().st_mtime_ns for path in (journal.parent / "artifacts").iterdir()}
    before = journal.read_bytes()
    prepare()
    decorate(study, out=journal.parent, storage=str(journal))
    assert journal.read_bytes() == before and len(files) == 10
    assert {path: path.stat().st_mtime_ns for path in (journal.parent / "artifacts").iterdir()} == files


def test_studies_whose_trials_stand_as_before_are_not_read(
    fast_search: Search, prepare: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What makes the start cheap where there are hundreds."""
    fast_search(3)
    fast_search(2, seed=1)
    prepare()
    read: list[str] = []

    def remembered(study: optuna.Study, **where: Any) -> bool:
        read.append(study.study_name)
        return True

    monkeypatch.setattr("regnas.studies.dashboard.decorate.decorate", remembered)
    prepare()
    assert read == []
    fast_search(4)
    prepare()
    assert read == ["regnetx/random/0"]


@pytest.mark.parametrize("kind", ["journal", "database"])
def test_more_evaluations_change_the_note_and_the_figures(
    fast_search: Search, tmp_path: Path, kind: str, fast: object
) -> None:
    import regnas

    text = str(tmp_path / "j.journal") if kind == "journal" else f"sqlite:///{tmp_path / 's.db'}"
    where: dict[str, Any] = {
        "storage": text,
        "out": tmp_path,
        "data": "fake",
        "evaluator": "fast",
        "workers": 0,
        "quiet": True,
    }
    storage = open_storage(text)
    for budget in (3, 9):
        study = regnas.search("regnetx", budget=budget, **where).study
        assert decorate_all(storage, out=tmp_path, text=text) == 1
        assert f"{budget} complete" in optuna_dashboard.get_note(study)
        stored = storage.get_study_system_attrs(storage.get_study_id_from_name(study.study_name))
        assert f"Errors of {budget} random networks" in stored["dashboard:plot_data:edf:0"]
        held = [value for key, value in stored.items() if key.startswith("dashboard:artifacts:")]
        assert len(
            {(key.split(":")[2], json.loads(value)["filename"]) for key, value in stored.items() if value in held}
        ) == len(held)


def test_a_lost_file_is_made_again_under_its_old_name(
    fast_search: Search, prepare: Callable[[], None], journal: Path
) -> None:
    fast_search(2)
    prepare()
    files = {path.name: path.read_bytes() for path in (journal.parent / "artifacts").iterdir()}
    before = journal.read_bytes()
    for path in (journal.parent / "artifacts").iterdir():
        path.unlink()
    prepare()
    again = {path.name: path.read_bytes() for path in (journal.parent / "artifacts").iterdir()}
    assert set(again) == set(files) and journal.read_bytes() == before
    assert all(again[name] == files[name] for name in files if files[name].startswith(b"{"))


def test_a_note_that_was_changed_by_hand_stays_and_the_figures_go_on(
    fast_search: Search, prepare: Callable[[], None], get: Get
) -> None:
    study = fast_search(3).study
    prepare()
    optuna_dashboard.save_note(study, "the first is odd")
    fast_search(6)
    prepare()
    shown = get("/api/studies/0")
    assert shown["note"]["body"] == "the first is odd"
    assert title(shown, "edf").startswith("Errors of 6 random networks")


def test_a_comparison_keeps_its_note_and_figures(regnas_command: Run, fast: object, tmp_path: Path) -> None:
    spaces = ("--space", "regnetx", "--space", "anynetx-a")
    flags = (
        "--data",
        "fake",
        "--evaluator",
        "fast",
        "--workers",
        0,
        "--budget",
        20,
        "--out",
        ".",
        "--storage",
        "s.journal",
    )
    code, _, error = regnas_command("compare", *spaces, *flags)
    assert code == 0, error
    storage = open_storage(str(tmp_path / "s.journal"))

    def shown() -> list[tuple[str, dict[str, Any]]]:
        studies = [optuna.load_study(study_name=name, storage=storage) for name in optuna.get_all_study_names(storage)]
        figures = [study_system_attributes(study) for study in studies]
        parts = [{k: v for k, v in one.items() if k.startswith("dashboard:plot_data")} for one in figures]
        return [(optuna_dashboard.get_note(study), part) for study, part in zip(studies, parts, strict=True)]

    before = shown()
    assert all("anynetx-a" in note and "regnetx" in note and part for note, part in before)
    assert decorate_all(storage, out=tmp_path, text="s.journal") == 2
    assert shown() == before
    assert len(list((tmp_path / artifacts.FOLDER).iterdir())) == 2 * 5 * 2


def test_studies_that_others_made_are_left_alone(journal: Path, prepare: Callable[[], None], get: Get) -> None:
    journal.parent.mkdir()
    study = optuna.create_study(storage=open_storage(str(journal)), study_name="mine")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    before = journal.read_bytes()
    prepare()
    assert journal.read_bytes() == before and get("/api/studies/0")["note"]["body"] == ""


def test_several_spaces_can_be_compared(fast_search: Search, prepare: Callable[[], None], get: Get) -> None:
    """The page compare-studies draws the distribution of the values of every study that it is given."""
    errors = [[row["error"] for row in fast_search(4, space=space).rows] for space in ("regnetx", "anynetx-a")]
    prepare()
    listed = get("/api/studies")["study_summaries"]
    assert [one["study_name"] for one in listed] == ["regnetx/random/0", "anynetx-a/random/0"]
    for one, expected in zip(listed, errors, strict=True):
        study = get(f"/api/studies/{one['study_id']}")
        assert (study["directions"], study["objective_names"]) == (["minimize"], ["validation error (%)"])
        complete = [trial["values"][0] for trial in study["trials"] if trial["state"] == "Complete"]
        assert complete == [round(100 * error, 2) for error in expected]
    assert b"<html" in get("/dashboard/compare-studies").lower()


def test_a_page_from_elsewhere_is_refused(fast_search: Search, get: Get) -> None:
    """A name of somebody else's that was made to point at this machine."""
    fast_search(1)
    assert get("/api/studies", host="localhost:9000")
    with pytest.raises(AssertionError, match="403 Forbidden"):
        get("/api/studies", host="elsewhere.example:8080")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"space": "regnetx[wm=2]", "strategy": "tpe", "seed": 3},
        {"flops": "1M:3M", "params": ":300k", "duplicates": "allow", "study": "my study"},
        {"evaluator": "curve", "pruner": "median[startup=2]"},
    ],
)
def test_the_command_in_the_note_goes_on_with_the_study(
    regnas_command: Run, fast: Any, asked: dict[str, Any], tmp_path: Path
) -> None:
    whole = {"data": "fake", "evaluator": "fast", "workers": "0", "budget": "3", **asked}
    words = [word for name, value in whole.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    code, _, error = regnas_command("search", *words, "--quiet")
    assert code == 0, error
    storage = open_storage(f"sqlite:///{tmp_path / 'regnas-runs' / 'regnas.db'}")
    (name,) = optuna.get_all_study_names(storage)
    study = optuna.load_study(study_name=name, storage=storage)
    settings = json.loads(study.user_attrs["regnas:settings"])
    told = search_command(name, settings, Path("regnas-runs"), "sqlite:///regnas-runs/regnas.db")
    assert f"`{told}`" in optuna_dashboard.get_note(study)  # the search has decorated it
    code, _, error = regnas_command(*shlex.split(told.removesuffix(" N"))[1:], "5", "--workers", "0", "--quiet")
    assert code == 0, error
    trials = study.get_trials(deepcopy=False)
    assert optuna.get_all_study_names(storage) == [name] and len(trials) == 5


def test_a_password_is_in_no_note(fast_search: Search) -> None:
    result = fast_search(1)
    decorate(result.study, out=result.folder.parent, storage="postgresql://me:secret@db.example/regnas")
    note = optuna_dashboard.get_note(result.study)
    assert "secret" not in note and "postgresql://me:***@db.example/regnas" in note
