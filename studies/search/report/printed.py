"""What a search prints at its end."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from regnas.describe import heading, summary
from regnas.measure import costs_in
from regnas.objective import error_of
from regnas.strategy import WARM
from regnas.studies.audit.screen import scored_before
from regnas.studies.reporting import costs
from regnas.studies.run.fidelity import epochs_spent
from regnas.studies.search.known import warm_start as warm
from regnas.studies.search.outcome import Row, complete_rows, scale_of, value_of
from regnas.studies.search.search import SearchResult
from regnas.studies.storage.open import DEFAULT_OUT, storage_url
from regnas.studies.storage.secrets import without_password
from regnas.system.text import counted, printable

_WIDEST = 1000  # columns of a table
_LUCK = 0.05  # probability from which guessing explains the best error


def print_search(console: Console, result: SearchResult, *, retrained: bool, storage: str) -> None:
    """The five best, what can and cannot be told apart, the winner's test error, failures, and what to do next."""
    done = complete_rows(result.rows)
    title = f"The {min(5, len(done))} best of {len(done)}"
    textbook = [_table(result.baselines, "Baselines", "baseline")] if result.baselines else []
    scored = result.facts.get("scored", "")
    scored = scored if all(scored in row["metrics"] for row in done[:5]) else ""
    for table in (_table(done[:5], title, "index", scored), *textbook, *_fronts(result.fronts)):
        _print_unbroken(console, table)
    for line in _remarks(result, done):
        console.print(printable(line), highlight=False, markup=False, soft_wrap=True)
    for line in _next_steps(result, retrained=retrained, storage=storage):
        console.print(printable(line), highlight=False, markup=False, soft_wrap=True)


def _print_unbroken(console: Console, table: Table) -> None:
    """A table as wide as its longest word: a network in one long word is for reading and for copying."""
    least = table.__rich_measure__(console, console.options.update(width=_WIDEST)).minimum
    if least > console.width:
        table.width = least
    console.print(table, crop=False)


def _table(best: list[Row], title: str, key: str, scored: str = "") -> Table:
    """Networks by their candidate's index or, as ``key`` says, a baseline's name.

    Args:
        scored: the metric that stands in place of errors that are only made of it.
    """
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    found = [costs_in(row) for row in best]
    measures = costs.names_of(found)
    sought = ("objective",) if all("objective" in row for row in best) else ()
    for name in ("candidate" if key == "index" else key, scored or "error", *sought, *map(costs.head, measures)):
        table.add_column(name, justify="right", no_wrap=True)
    networks = [summary(row["architecture"]) for row in best]
    table.add_column(heading(networks), no_wrap=False)
    for row, network, cost in zip(best, networks, found, strict=True):
        table.add_row(
            printable(str(row[key])),
            f"{row['metrics'][scored]:.6g}" if scored else f"{row['error']:.2%}",
            *(f"{row[name]:.2%}" for name in sought),
            *(costs.cell(name, cost) for name in measures),
            Text(printable(network.long)),
        )
    return table


def _remarks(result: SearchResult, done: list[Row]) -> list[str]:
    lines = []
    if not done[0]["diverged"] and "scored" not in result.facts and (apart := _alike(result, done)):
        lines.append(apart)
    lines += _against(result, done)
    best = result.best
    name = f"the baseline {best.baseline}" if best.baseline else f"candidate {best.index}"
    epochs = result.baselines[0]["epochs"] if best.baseline else done[0]["epochs"]
    if best.test_error is not None:
        lines.append(
            f"winner: {name}, test error {best.test_error:.2%} on images the search never saw "
            f"(proxy weights, {counted(epochs, 'epoch')})"
        )
    else:
        lines.append(f"winner: {name}; there are no test images or no kept weights to score")
    lines += _early(result, done) + _warm(result) + _screened(result) + list(result.remarks)
    failed = [row for row in result.rows if row["state"] == "FAIL"]
    if failed:
        reasons = Counter(str(row["failure"]) for row in failed).most_common(3)
        lines.append(f"{len(failed)} candidates failed: " + "; ".join(f"{count} x {text}" for text, count in reasons))
    if diverged := sum(bool(row["diverged"]) for row in done):
        lines.append(f"{diverged} trainings diverged and count with the error of guessing")
    return lines


def _against(result: SearchResult, done: list[Row]) -> list[str]:
    """The best candidate against the best baseline, and what the baselines took."""
    if (found := result.against) is None:
        alone = "no candidate's training stayed finite, so the best baseline is returned"
        return [alone] if result.best.baseline else []
    points, of = 100 * found.difference, " of the objective" if "objective" in done[0] else ""
    compared = (
        f"best candidate {done[0]['index']} against the best baseline, {found.baseline}: {points:+.1f} points{of}"
    )
    if found.interval is not None:
        low, high = (100 * end for end in found.interval)
        compared += f", 95 % interval {low:+.1f} to {high:+.1f} (one training each)"
    lines = [compared]
    if not found.beaten:
        lines.append("no candidate is better than the best baseline, so the baseline is returned")
    spent, share = (sum(row["seconds"] or 0.0 for row in rows) for rows in (result.rows, result.baselines))
    lines.append(
        f"{len(result.baselines)} baselines took {share:.0f} s of training beside {spent:.0f} s for "
        f"{len(result.rows)} candidates"
    )
    return lines


def _early(result: SearchResult, done: list[Row]) -> list[str]:
    """How much was trained, where candidates were stopped on the way."""
    if not any(row["state"] == "PRUNED" for row in result.rows):
        return []
    total, whole = epochs_spent(result.study.get_trials(deepcopy=False)), max(row["epochs"] for row in done)
    return [
        f"{len(done)} of {len(result.rows)} candidates ran to their end of {counted(whole, 'epoch')}; the others were "
        f"stopped on the way; {total} epochs were trained in all"
    ]


def _warm(result: SearchResult) -> list[str]:
    """What was known from another study: it is no trial of this one."""
    known = warm.of_study(result.study)
    if not known:
        return []
    origins = ", ".join(sorted({str(trial.user_attrs[WARM]).rpartition(":")[0] for trial in known}))
    best = f"the best of which had {error_of(known[0]):.2%}"
    return [f"started from {len(known)} trials of {origins}, {best}: they are no trials of this study"]


def _screened(result: SearchResult) -> list[str]:
    """How many networks were scored before training, where a screen chose among them."""
    if "screen" not in result.settings:
        return []
    count, seconds = scored_before(result.folder)
    return [
        f"screen {result.settings['screen']}: {count} networks were scored in {seconds:.0f} s, and {len(result.rows)} "
        f"of them trained; they are no random sample of the space"
    ]


def _fronts(fronts: Mapping[str, list[Row]]) -> list[Table]:
    """Of every complexity asked for, the networks that no other beats in it and in error."""
    tables = []
    for name, rows in fronts.items():
        title = f"No other is better in {name} and in error"
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for column in ("candidate", "error", name):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("network", no_wrap=False)
        for row in rows:
            network = Text(summary(row["architecture"]).line)
            table.add_row(str(row["index"]), f"{row['error']:.2%}", f"{row[name]:,}", network)
        tables.append(table)
    return tables


def _alike(result: SearchResult, done: list[Row]) -> str:
    """Whether any network learned, and which of the best could change places in another training.

    Two trainings of one network differ by a standard deviation of sqrt(2) seed_sd; a gap of less than two of these
    tells nothing. Where the seed noise was not measured, the binomial noise of the validation images is a lower
    bound for it.
    """
    if len(done) < 2:
        return _guessed(result, done)
    best, value = done[0]["error"], value_of(done[0])
    images = result.facts.get("images", {}).get("validation")
    if guess := _guessed(result, done):
        return guess
    if result.seed_sd is not None:
        noise, source = result.seed_sd, f"measured training noise of {result.seed_sd:.2%}"
    elif images:
        noise = math.sqrt(max(best * (1 - best), 1 / images) / images)
        source = f"noise of {images} validation images"
    else:
        return ""
    gap = 2 * math.sqrt(2) * noise * scale_of(done[0])
    alike = sum(value_of(row) - value < gap for row in done)
    if alike == 1:
        return (
            f"the best candidate's lead is larger than {gap:.2%}, twice the standard deviation of a difference "
            f"({source})"
        )
    return (
        f"the best {alike} of {len(done)} cannot be told apart by one training each: they differ by less than "
        f"{gap:.2%}, which it takes ({source})"
    )


def _guessed(result: SearchResult, done: list[Row]) -> str:
    """That no network is better than one that names the same class for every image, where that is so."""
    from scipy.stats import binom

    guessing, images = result.facts.get("guessing"), result.facts.get("images", {}).get("validation")
    sound = [row for row in done if not row["diverged"]]
    if guessing is None or not images:
        return ""
    best = min(row["error"] for row in sound)
    # The best of so many guesses is lucky: Bonferroni's bound.
    if len(sound) * float(binom.cdf(round(best * images), images, guessing)) < _LUCK:
        return ""
    by = "with --epochs N"
    if "epochs" not in result.facts.get("recipe", {"epochs"}):  # of weights that are shared they are an option
        by = f"by the options of the evaluator {result.settings['evaluator']}"
    return (
        f"no network is better than guessing ({guessing:.2%}) by more than the noise of {images} validation images: "
        f"their order says nothing; train longer {by}, or on more images"
    )


def _next_steps(result: SearchResult, *, retrained: bool, storage: str) -> list[str]:
    lines = [f"files: {result.folder}/ (trials.csv, best.json, best/)"]
    if not retrained and result.best.folder is not None:
        lines.append(f"train the winner: regnas train {shlex.quote(str(result.folder))} --epochs 30")
    lines.append(f"report: regnas report {shlex.quote(str(result.folder))}")
    lines.append(f"dashboard: {dashboard_command(result.folder.parent, storage)}  (pip install 'regnas[dashboard]')")
    return lines


def dashboard_command(out: Path, storage: str) -> str:
    """The command that shows the studies of a storage; what it assumes anyway is left out."""
    words = ["regnas", "dashboard"]
    if storage != storage_url(None, out):
        words += ["--storage", without_password(storage)]
    if out != Path(DEFAULT_OUT):
        words += ["--out", str(out)]
    return shlex.join(words)
