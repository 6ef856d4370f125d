"""``report.html``: the find as a page in one file, which begins with its conclusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context

from regnas.studies.find import figures, words
from regnas.studies.find.finding import Finding
from regnas.studies.reporting import figure_files, html, style
from regnas.studies.training.using.report import summary, tables
from regnas.system.files import write_text

_WORST = 12  # mistakes that are shown
_CAPTIONS = {
    "confusion": "Test pictures of a row's class that were taken for a column's; colour is their share of the row.",
    "candidates": "Errors of the short trainings against cost. The one in a circle was trained on; what was best after "
    "a short training need not be best after a long one",
    "more": "Expected error of the best of so many candidates, in short trainings, with a bootstrap band. Dashed: "
    "beyond a quarter of the candidates, where few of them decide.",
}


def write(found: Finding, path: Path) -> None:
    """Write the page, and its figures beside it in a folder of their own.

    Raises:
        RegnasError: the figures cannot be written.
        OSError: the page cannot.
    """
    with rc_context(style.RC):
        made = figures.drawn(found)
    pictures = figure_files.save(made, found.folder / "figures")
    write_text(path, page(found, pictures))


def page(found: Finding, pictures: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        pictures: PNG files by name.
    """
    name = found.folder.resolve().name
    return html.page(name, _parts(found, name, pictures))


def _parts(found: Finding, name: str, pictures: Mapping[str, bytes]) -> Iterator[str]:
    yield f"<h1>{html.escape(name)}</h1>"
    yield f"<p><strong>{html.escape(found.conclusion)}</strong></p>"
    raced = "." if found.race is None else ", so the best few raced."
    yield from html.figures(pictures, {"candidates": _CAPTIONS["candidates"] + raced})
    yield html.folded("Settings", html.table(words.searched(found), words=True))
    yield "<h2>How sure it is</h2>"
    yield _list([f"{one}." for one in words.sure(found)])
    if (race := words.race(found)) is not None:
        yield html.table(race)
    yield from _test(found, pictures)
    yield html.table(words.network(found), words=True)
    yield "<h2>Candidates</h2>"
    yield from html.figures(pictures, {"more": _CAPTIONS["more"]})
    yield html.folded("In numbers", html.table(words.best(found)))
    yield html.table(words.images(found), words=True)
    if found.remarks:
        yield "<p>What is odd about them:</p>" + _list(found.remarks)
    yield "<h2>Limits of the claim</h2>"
    yield _list(list(words.limits(found)))
    yield html.table(words.files(found), words=True)
    yield html.folded("Versions", html.table(words.versions(found), words=True))


def _test(found: Finding, pictures: Mapping[str, bytes]) -> Iterator[str]:
    yield "<h2>Test</h2>"
    if found.test is None:
        yield "<p>There are no test pictures: how good the network is on new ones is not known.</p>"
        return
    yield f"<p>{html.escape(summary(found.test))}.</p>"
    recall, confusion, *_ = tables(found.test, 0)
    yield from html.figures(pictures, {"confusion": _CAPTIONS["confusion"]})
    if "confusion" not in pictures:
        yield html.table(confusion)
    yield html.table(recall)
    worst = list(figures.mistakes(found, _WORST))
    if worst:
        yield "<h2>The worst mistakes</h2>"
        which = "All" if len(worst) == len(found.test.mistakes) else f"Of {len(found.test.mistakes)} those"
        yield f"<p>{which} that the network is surest of, the surest first, as it sees them.</p>"
        yield html.gallery(worst)


def _list(sentences: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(one)}</li>" for one in sentences) + "</ul>"
