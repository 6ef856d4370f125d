"""All figures of a comparison as PNG and SVG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.figures import distributions, models, networks, pairs
from regnas.studies.reporting import style
from regnas.studies.reporting.figure_files import save
from regnas.studies.search.identity import folder_name


def draw(comparison: Comparison) -> dict[str, Any]:
    """The figures by file name, in the order of the report."""
    found = {
        "edf": distributions.edf(comparison),
        "efficiency": distributions.efficiency(comparison),
        "differences": pairs.differences(comparison),
        "power": pairs.power(comparison),
        "complexity": models.complexity(comparison),
        "networks": networks.networks(comparison),
    }
    for summary in comparison.summaries:
        if summary.columns:
            found[f"parameters-{folder_name(summary.population.name)}"] = models.parameters(summary)
    return {name: figure for name, figure in found.items() if figure is not None}


def write(comparison: Comparison, folder: Path) -> dict[str, bytes]:
    """Draw all figures into ``folder`` as PNG and SVG.

    Returns:
        The PNG files by name.

    Raises:
        RegnasError: the folder cannot be written.
    """
    from matplotlib import rc_context

    with rc_context(style.RC):
        figures = draw(comparison)
    return save(figures, folder, comparison.marks)
