"""The outcome of a search: trials as rows, the winner's folder, and the files that hold both."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import optuna
from optuna.trial import FrozenTrial, TrialState

from regnas import weights
from regnas.architecture import Architecture, from_json, key_of_text
from regnas.costs import complexity_of
from regnas.design_space import Space
from regnas.errors import StudyError, UsageError
from regnas.evaluator import EXTRAPOLATED, REMARK, rank
from regnas.measure import BUILT_IN, costs_in, installed
from regnas.metric import from_columns
from regnas.objective import error_of
from regnas.studies.search.identity import check_same
from regnas.studies.search.stored_settings import settings_of
from regnas.studies.storage.costs import costs_of
from regnas.system.files import SCHEMA, replacing, write_csv, write_json
from regnas.system.reading import fields, fields_if_whole, parse_json
from regnas.system.text import counted

Row = dict[str, Any]
_NAMED = 5  # candidates of whom a sentence is said
_NOT_KEPT = ("recipe", "images", "remarks", "guessing", "steps", "baselines")  # facts that no weights need


def rows_of(study: optuna.Study, space: Space) -> list[Row]:
    """Every trial with a candidate index, in the order of the index."""
    settings = settings_of(study) or {}
    strategy, objective = settings.get("strategy", ""), "objective" in settings
    measures = installed()
    found = [
        {**row_of(trial, space, measures, objective), "strategy": strategy}
        for trial in study.get_trials(deepcopy=False)
        if trial.user_attrs.get("index") is not None
    ]
    return sorted(found, key=lambda row: row["index"])


def row_of(trial: FrozenTrial, space: Space, measures: Sequence[str], objective: bool = False) -> Row:
    """One trial as a row of trials.csv (see docs/files.md).

    Args:
        measures: names of all that are installed.
        objective: whether the trial's value is an objective, not its error.
    """
    stored = trial.user_attrs
    # A pruned trial's value is its last error: on record, and never among the complete ones.
    complete = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
    row: Row = {
        "space": space.spec,
        "index": stored["index"],
        "seed": stored.get("seed", ""),
        "error": error_of(trial) if complete and trial.value is not None else "",
        "architecture": _architecture(trial) if "architecture" in stored else "",
        "seconds": stored.get("seconds", ""),
        "diverged": stored.get("diverged", ""),
        "state": trial.state.name,
        "errors": [value for _, value in sorted(trial.intermediate_values.items())] if complete else [],
        "params_by_name": space.active(space.canonical(trial.params)) if trial.params else {},
        "trial": trial.number,
        "failure": stored.get("failure", ""),
        "metrics": from_columns(stored),
    }
    row["epochs"] = len(row["errors"]) if complete else ""
    if objective:
        row["objective"] = trial.value if complete and trial.value is not None else ""
    if row["architecture"]:
        row |= costs_of(stored, measures) or complexity_of(from_json(row["architecture"]), space.resolution)
    return row


def _architecture(trial: FrozenTrial) -> dict[str, Any]:
    what = f"the architecture of trial {trial.number}, as the storage has it,"
    return fields(parse_json(str(trial.user_attrs["architecture"]), what, StudyError), what, StudyError)


def remarks_of(study: optuna.Study) -> list[str]:
    """What the results of candidates say of them (`regnas.evaluator.Result`): each sentence once, with the first few of
    whom it is said; and how many errors a surrogate only guessed.
    """
    said: dict[str, list[str]] = {}
    trials = study.get_trials(deepcopy=False)
    for trial in trials:
        stored = trial.user_attrs
        if REMARK in stored and "index" in stored and "architecture" in stored:
            name = f"{stored['index']} (network {key_of_text(stored['architecture'])})"
            said.setdefault(str(stored[REMARK]), []).append(name)
    lines = [f"{_listed(names)}: {sentence}" for sentence, names in said.items()]
    if guessed := sum(bool(trial.user_attrs.get(EXTRAPOLATED)) for trial in trials):
        done = sum(trial.state == TrialState.COMPLETE for trial in trials)
        lines.append(
            f"{guessed} of {done} errors are guesses: these networks are unlike all that errors were predicted from"
        )
    return lines


def _listed(names: Sequence[str]) -> str:
    others = len(names) - _NAMED
    more = f" and {others} further" if others > 0 else ""
    return f"candidate{'s' * (len(names) > 1)} {', '.join(names[:_NAMED])}{more}"


@dataclass(frozen=True)
class Best:
    """The winner of a search.

    Attributes:
        error: its validation error, a fraction.
        test_error: its error on images the search never saw, or None.
        folder: what `regnas.load` reads: its architecture and its weights; None where the evaluator keeps none.
        baseline: its name, where a baseline won; its index is then negative.
    """

    index: int
    error: float
    test_error: float | None
    architecture: Architecture
    folder: Path | None
    baseline: str | None = None


def complete_rows(rows: list[Row]) -> list[Row]:
    """Completed rows, the best first, as `regnas.evaluator.rank` orders them: those that diverged come last."""
    done = [row for row in rows if row["state"] == "COMPLETE"]
    return sorted(done, key=lambda row: rank(value_of(row), row["index"], row["diverged"]))


def value_of(row: Row) -> float:
    """What a row is ordered by: its objective where it has one, else its error."""
    return float(row["objective"] if "objective" in row else row["error"])


def scale_of(row: Row) -> float:
    """By how much what a row is ordered by differs where its error differs by 1: more than 1 of cheap networks where
    an objective counts costs.
    """
    return 1.0 if row["error"] == 1 else (1 - value_of(row)) / (1 - float(row["error"]))


def winner_of(
    rows: list[Row], folder: Path, facts: Mapping[str, Any], least: int = 0, baselines: Sequence[Row] = ()
) -> Row:
    """The best of all rows; without any, what an earlier release took for the winner is removed.

    Args:
        least: epochs of all candidates together, below which none is whole.
        baselines: the best first, one of which wins where all candidates diverged.

    Raises:
        StudyError: no candidate ran to its end, or all that did diverged.
    """
    complete = complete_rows(rows)
    if complete and not complete[0]["diverged"]:
        return complete[0]
    if complete and baselines and not baselines[0]["diverged"]:
        return baselines[0]
    (folder / "best.json").unlink(missing_ok=True)
    shutil.rmtree(folder / "best", ignore_errors=True)
    if not complete:
        raise StudyError(
            f"no candidate ran to its end, so there is no winner: {len(rows)} were started and paused on the way; "
            f"raise --budget-epochs{f' to {least} or more' if least else ''}, and they go on"
        )
    rate = facts.get("recipe", {}).get("learning_rate")
    lower = f", such as --evaluator 'train[learning_rate={rate / 10:g}]'," if isinstance(rate, int | float) else ""
    raise StudyError(
        f"all {len(complete)} trainings diverged, so there is no winner; lower the learning rate{lower} with another "
        f"--study NAME"
    )


def write_files(folder: Path, rows: list[Row]) -> None:
    """Write trials.csv."""
    write_csv(folder / "trials.csv", rows)


def known_test_error(folder: Path, winner: Row, settings: Row) -> float | None:
    """The winner's test error, if best.json has it already: test images are used once."""
    kinds = {"index": int, "validation_error": float, "test_error": float | None, "settings": dict}
    stored = fields_if_whole(folder / "best.json", **kinds)
    if stored is None or (stored["index"], stored["validation_error"]) != (winner["index"], winner["error"]):
        return None
    try:
        check_same(stored["settings"], settings, "")
    except (StudyError, UsageError):
        return None
    return cast(float | None, stored.get("test_error"))


def kept_folder(folder: Path, row: Row) -> Path:
    """Where the weights of a row lie, if they were kept."""
    return Path(row["kept"]) if "kept" in row else folder / "checkpoints" / str(row["index"])


def write_best(
    folder: Path,
    row: Row,
    test_error: float | None,
    facts: dict[str, Any],
    settings: Row,
    further: Mapping[str, Any] | None = None,
) -> Best:
    """Write best.json, and the folder ``best`` with the winner's architecture and its weights if they were kept.

    Args:
        further: what best.json says beside that, JSON values.
    """
    architecture = from_json(row["architecture"])
    kept = kept_folder(folder, row) / weights.WEIGHTS
    trained = f"proxy weights, {counted(row['epochs'], 'epoch')} on the training images"
    details = {
        "schema": SCHEMA,
        "index": row["index"],
        **({"baseline": row["baseline"]} if "baseline" in row else {}),
        "seed": row["seed"],
        "validation_error": row["error"],
        **({"objective": row["objective"]} if "objective" in row else {}),
        "test_error": test_error,
        "trained": trained if kept.exists() else "no weights: the evaluator kept none",
        **{key: value for key, value in facts.items() if key not in _NOT_KEPT},
    }
    best = folder / "best"
    weights.save_architecture(architecture, best, details)
    if kept.exists():
        with replacing(best / weights.WEIGHTS) as partial:
            shutil.copyfile(kept, partial)
    costs = {**dict.fromkeys(BUILT_IN), **costs_in(row)}
    numbers = {**costs, **{name: row.get(name) for name in ("seconds", "epochs", "diverged")}}
    params = {"params_by_name": row["params_by_name"]}
    metrics = {"metrics": row["metrics"]} if row.get("metrics") else {}
    write_json(
        folder / "best.json",
        {
            **details,
            **(further or {}),
            **metrics,
            **numbers,
            **params,
            "architecture": architecture.to_json(),
            "settings": settings,
        },
    )
    own = best if kept.exists() else None
    return Best(row["index"], row["error"], test_error, architecture, own, row.get("baseline"))
