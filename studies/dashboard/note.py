"""The note of a study: what was searched how, the five best, and how to go on."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna

from regnas.describe import heading, summary
from regnas.evaluator import DEFAULT
from regnas.measure import BUILT_IN, short_of
from regnas.studies.dashboard.evaluations import Evaluation, best
from regnas.studies.reporting import costs
from regnas.studies.reporting.markdown import code
from regnas.studies.reporting.text_table import Table, markdown
from regnas.studies.search.identity import REMARKS, folder_name
from regnas.studies.search.report.printed import dashboard_command
from regnas.studies.search.stored_settings import biased
from regnas.studies.storage.open import DEFAULT_OUT, storage_url
from regnas.studies.storage.secrets import without_password
from regnas.system.optuna_internals import study_id
from regnas.system.reading import fields_if_whole

_FLAGS = [short_of(name) for name in BUILT_IN]  # the measures with a flag of their own


def note(
    study: optuna.Study, evaluations: list[Evaluation], settings: Mapping[str, Any], *, out: Path, storage: str
) -> str:
    """The note as Markdown.

    Args:
        evaluations: complete ones.
        out: the folder that the study's own is in.
        storage: as the command line names it.
    """
    place = out / folder_name(study.study_name)
    lines = [f"# {code(study.study_name)}", "", *_standing(study, evaluations), *_baselines(place), ""]
    if evaluations:
        lines += [*markdown(_best(evaluations, study_id(study)), marked=True), ""]
    if reason := biased(settings):
        lines += [f"The trials are {reason}." if "pruner" not in settings else f"Complete is {reason}.", ""]
    said = study.user_attrs.get(REMARKS, [])
    lines += [*(f"- {_words(str(line))}" for line in said), *([""] if said else [])]
    lines += [*markdown(_settings(settings), marked=True), "", "## How to go on", ""]
    folder, shown = shlex.quote(str(place)), without_password(storage)
    if "repeat" not in settings:  # else it is regnas compare that goes on
        lines += [f"- evaluate more: {code(search_command(study.study_name, settings, out, shown))}"]
    lines += [f"- train the winner: {code(f'regnas train {folder} --epochs 30')}"]
    lines += [f"- open this page: {code(dashboard_command(out, shown))}"]
    lines += [f"- files: {code(folder)} (trials.csv, best.json, best/)", ""]
    return "\n".join(lines)


def _words(text: str) -> str:
    """Text as it is where Markdown sees nothing of its own in it, else as code."""
    return text if re.fullmatch(r"[A-Za-z0-9 ,.:/()=+-]*", text) else code(text)


def _standing(study: optuna.Study, evaluations: list[Evaluation]) -> list[str]:
    own = [trial for trial in study.get_trials(deepcopy=False) if "index" in trial.user_attrs]
    states = Counter(trial.state.name.lower() for trial in own)
    counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    if not evaluations:
        return [f"No evaluation is complete yet ({counted or 'none is begun'})."]
    (winner,) = best(evaluations, 1)
    if winner.diverged:
        return [f"All {len(evaluations)} trainings diverged: there is no best one. {counted}."]
    objective = "" if winner.objective is None else f", objective {winner.objective:.2%}"
    return [f"**Best: {winner.error:.2%} validation error{objective}, candidate {winner.index}.** {counted}."]


def _baselines(place: Path) -> list[str]:
    """The best baseline of a finished search, as its best.json has it."""
    stored = fields_if_whole(place / "best.json", baselines=list)
    named = [one for one in (stored or {}).get("baselines", []) if isinstance(one, dict)]
    sound = [one for one in named if isinstance(one.get("error"), float) and one.get("diverged") is False]
    if not sound:
        return []
    first = min(sound, key=lambda one: float(one["objective"] if "objective" in one else one["error"]))
    return ["", f"Best baseline: {first['error']:.2%} validation error, {_words(str(first.get('baseline')))}."]


def _best(evaluations: list[Evaluation], study: int) -> Table:
    leaders = best(evaluations)
    networks = [summary(one.architecture) for one in leaders]
    measures = costs.names_of([one.costs for one in leaders])
    sought = ("objective",) if all(one.objective is not None for one in leaders) else ()
    rows = tuple(
        (
            str(one.index),
            f"[{one.number}](/dashboard/studies/{study}/trials?numbers={one.number})",
            f"{one.error:.2%}",
            *(f"{one.objective:.2%}" for _ in sought if one.objective is not None),
            *(costs.cell(name, one.costs) for name in measures),
            _words(network.long),
        )
        for one, network in zip(leaders, networks, strict=True)
    )
    heads = ("candidate", "trial", "error", *sought, *map(costs.head, measures), heading(networks))
    title = f"The {len(leaders)} best of {len(evaluations)}"
    return Table(title, heads, rows)


def _settings(settings: Mapping[str, Any]) -> Table:
    images = settings["images"]
    shown = {
        "space": code(settings["space"]),
        "window": code(settings["window"]),
        "images": f"{images['resolution']} px, {images['classes']} classes",
        "strategy": code(settings["strategy"]),
        "pruner": code(settings["pruner"]) if "pruner" in settings else "",
        **{name: code(settings[name]) for name in ("objective", "screen") if name in settings},
        "seed": str(settings["seed"]),
        "networks drawn again": _words(settings["duplicates"]),
        "evaluator": code(settings["evaluator"]),
        "data": code(settings["data"]),
        "recipe": _words(", ".join(f"{name} {value}" for name, value in settings["recipe"].items())),
        "versions": _words(", ".join(f"{name} {value}" for name, value in settings.get("versions", {}).items())),
    }
    return Table("Settings", ("setting", "value"), tuple(row for row in shown.items() if row[1]))


def search_command(name: str, settings: Mapping[str, Any], out: Path, storage: str) -> str:
    """The command that goes on with a study to N evaluations; one that was made from Python may need more."""
    words = ["regnas", "search", "--space", settings["space"], "--strategy", settings["strategy"]]
    words += ["--seed", str(settings["seed"]), *_conditions(settings), "--study", name]
    if out != Path(DEFAULT_OUT):
        words += ["--out", str(out)]
    if storage != storage_url(None, out):
        words += ["--storage", storage]
    return shlex.join([*words, "--budget"]) + " N"


def _conditions(settings: Mapping[str, Any]) -> list[str]:
    """How networks are drawn and trained, as flags."""
    words = []
    if settings["window"] != "open":
        for bounds in settings["window"].split(", "):
            name, _, range_ = bounds.partition(" ")
            words += [f"--{name}", range_] if name in _FLAGS else ["--limit", f"{name}={range_}"]
    if settings["data"] != settings["evaluator"]:  # else the evaluator's own images
        words += ["--data", settings["data"], "--resolution", str(settings["images"]["resolution"])]
    words += ["--evaluator", settings["evaluator"]] if settings["evaluator"] != DEFAULT else []
    words += ["--epochs", str(settings["recipe"]["epochs"])] if "epochs" in settings["recipe"] else []
    words += ["--duplicates", settings["duplicates"]] if settings["duplicates"] != "reject" else []
    words += ["--objective", settings["objective"]] if "objective" in settings else []
    if "screen" in settings:
        score, _, share = settings["screen"].rpartition(" keep ")
        words += ["--screen", score, "--keep", share]
    return words + (["--pruner", settings["pruner"]] if "pruner" in settings else [])
