"""All figures of a benchmark as PNG and SVG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regnas.studies.bench.figures.anytime import anytime
from regnas.studies.bench.figures.finals import finals
from regnas.studies.bench.figures.gains import gains, matrix
from regnas.studies.bench.figures.ranks import ranks
from regnas.studies.bench.results import Benchmark, SpaceResult
from regnas.studies.reporting import style
from regnas.studies.reporting.figure_files import save
from regnas.studies.search.identity import folder_name

NULL = "null table: errors are permuted over the networks, and nothing can be learned"


def anytime_name(space: SpaceResult) -> str:
    """File name of a space's anytime curves."""
    return f"anytime-{folder_name(space.label)}"


def finals_name(space: SpaceResult) -> str:
    """File name of a space's final scores."""
    return f"finals-{folder_name(space.label)}"


def draw(benchmark: Benchmark) -> dict[str, Any]:
    """The figures by file name, in the order of the report."""
    found = {"ranks": ranks(benchmark), "gains": gains(benchmark), "matrix": matrix(benchmark)}
    for space in benchmark.spaces:
        found[anytime_name(space)] = anytime(space)
        found[finals_name(space)] = finals(space)
    return {name: figure for name, figure in found.items() if figure is not None}


def write(benchmark: Benchmark, folder: Path) -> dict[str, bytes]:
    """Draw all figures into ``folder`` as PNG and SVG.

    Returns:
        The PNG files by name.

    Raises:
        RegnasError: the folder cannot be written.
    """
    from matplotlib import rc_context

    with rc_context(style.RC):
        figures = draw(benchmark)
    return save(figures, folder, [NULL] if benchmark.rules.null else [])
