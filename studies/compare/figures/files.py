"""All figures of a comparison as PNG and SVG files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from regnas.errors import RegnasError
from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.figures import distributions, models, pairs, style
from regnas.studies.settings import folder_name

_DPI = 150


def draw(comparison: Comparison) -> dict[str, Any]:
    """The figures by file name, in the order of the report."""
    found = {
        "edf": distributions.edf(comparison),
        "efficiency": distributions.efficiency(comparison),
        "differences": pairs.differences(comparison),
        "power": pairs.power(comparison),
        "complexity": models.complexity(comparison),
        "networks": models.networks(comparison),
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

    pictures: dict[str, bytes] = {}
    with rc_context(style.RC):
        for name, figure in draw(comparison).items():
            style.stamp(figure, comparison.marks)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                look = {"bbox_inches": "tight"} if comparison.marks else {}  # the marks stand below
                figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, **look)
                buffer = io.BytesIO()
                figure.savefig(buffer, format="png", dpi=_DPI, **look)
                pictures[name] = buffer.getvalue()
                (folder / f"{name}.png").write_bytes(pictures[name])
            except OSError as error:
                raise RegnasError(f"cannot write figures to {folder}: {error.strerror}") from error
    return pictures
