"""``regnas report``: a report made again from what is stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from regnas.errors import UsageError
from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.report import output
from regnas.studies.compare.request import REQUEST, Request, read_request, remake
from regnas.studies.compare.rules import ComparisonRules
from regnas.studies.find.request import STUDY
from regnas.studies.search.identity import folder_name
from regnas.studies.search.study_file import folder_named

_RUNS = Path("regnas-runs")


def report_again(
    target: str, *, complexity: str | None = None, force: bool = False, storage: str | None = None
) -> tuple[Comparison, Path]:
    """Write the report of a comparison's folder, or of one study; the studies themselves are only read.

    Args:
        target: a comparison's folder, a study's folder, or a study's name below regnas-runs.
        storage: as of `regnas.studies.populations.sources.load`.

    Returns:
        The comparison and the folder it was written to: the comparison's own, or ``report`` in the study's.

    Raises:
        UsageError: neither.
        PopulationError: too few models yet.
    """
    folder = folder_of(target)
    if (folder / REQUEST).exists():
        if complexity is not None:
            raise UsageError("a comparison's rules are fixed before its data: repeat regnas compare for another one")
        request, place = read_request(folder), folder
    else:
        rules = ComparisonRules(complexity=complexity or "flops")
        request, place = Request(folder.name, ((str(folder),),), rules, force=force), folder / "report"
    comparison = remake(replace(request, force=request.force or force), storage)
    output.write(comparison, place, [text for group in request.sources for text in group])
    return comparison, place


def folder_of(target: str) -> Path:
    """The folder of a comparison or of a study, by its path or by a name below regnas-runs.

    Raises:
        UsageError: neither.
    """
    for path in (
        folder_named(target) or Path(target),
        _RUNS / target,
        _RUNS / folder_name(target),
        _RUNS / f"compare-{folder_name(target)}",
    ):
        if (path / REQUEST).exists() or (path / "study.json").exists():
            return path
    if (Path(target) / STUDY / "study.json").exists():
        raise UsageError(
            f"{target} is the folder of a find, whose report is report.html in it; that of its search: "
            f"regnas report {Path(target) / STUDY}"
        )
    raise UsageError(f"{target} is no folder of a comparison or of a study; name one below regnas-runs")
