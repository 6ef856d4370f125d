"""The figures of a find's report."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from regnas.sampling import keyed
from regnas.statistics.best_of import best_curve
from regnas.studies.find.finding import Finding
from regnas.studies.find.machine import LATENCY
from regnas.studies.find.verdict import errors_of
from regnas.studies.reporting import style
from regnas.studies.search.outcome import complete_rows
from regnas.studies.search.report.figures import against_cost
from regnas.studies.training.using.test import TestReport

MOST_CLASSES = 30  # of a matrix that can be read
_NUMBERED = 15  # with numbers in its cells
_FEWEST = 4  # candidates of a curve


def drawn(found: Finding) -> dict[str, Any]:
    """The figures by file name, to be drawn under `regnas.studies.reporting.style.RC`."""
    figures: dict[str, Any] = {}
    if found.test is not None and len(found.classes) <= MOST_CLASSES:
        figures["confusion"] = confusion(found.test)
    figures["candidates"] = candidates(found)
    if len(errors_of(found.result.rows)) >= _FEWEST:
        figures["more"] = more(found)
    return figures


def confusion(test: TestReport) -> Any:
    """Shares of each row's class, as colour, with the number of pictures in the cells."""
    count = len(test.class_names)
    size = max(2.8, min(7.5, 0.34 * count + 1.2))
    figure, ((axes,),) = style.new(size, size)
    shares = test.confusion / np.maximum(test.counts[:, None], 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [style.label(name, 14) for name in test.class_names]
    axes.set_xticks(range(count), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), names)
    axes.set(xlabel="taken for", ylabel="is")
    axes.grid(visible=False)
    if count <= _NUMBERED:
        for (row, column), number in np.ndenumerate(test.confusion):
            if number:
                colour = "white" if shares[row, column] > 0.5 else "0.15"
                axes.text(column, row, str(number), ha="center", va="center", fontsize=7, color=colour)
    return figure


def candidates(found: Finding) -> Any:
    """Errors of short trainings against cost: candidates, the front, textbook networks, the network to use."""
    done = [row for row in complete_rows(found.result.rows) if not row["diverged"]]
    textbook = [row for row in found.result.baselines if not row["diverged"]]
    measure = LATENCY if LATENCY in found.plan.space.window else "flops"
    return against_cost(done, textbook, measure, found.name, ylabel="error after a short training (%)")


def more(found: Finding) -> Any:
    """The expected best of m candidates with its bootstrap band; beyond a quarter of them it is dashed."""
    errors = errors_of(found.result.rows)
    sizes = np.unique(np.geomspace(1, len(errors), 40).round())
    rng = keyed.generator("find", "best of m", found.plan.seed)
    curve = best_curve(errors, sizes, rng=rng)
    figure, ((axes,),) = style.new(5.6, 3.0)
    colour = style.line(0)["color"]
    axes.fill_between(sizes, 100 * curve.low, 100 * curve.high, alpha=style.band(1), lw=0, color=colour)
    sure = curve.trusted
    axes.plot(sizes[sure], 100 * curve.expected[sure], color=colour)
    last = max(0, int(sure.sum()) - 1)
    axes.plot(sizes[last:], 100 * curve.expected[last:], color=colour, linestyle=(0, (4, 2)))
    style.log_axis(axes.xaxis, (1, 2, 5), powers=range(len(str(len(errors)))))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="candidates", ylabel="expected best error (%)", xlim=(0.9, 1.1 * len(errors)))
    return figure


def mistakes(found: Finding, most: int) -> Iterator[tuple[bytes, list[str]]]:
    """The surest mistakes on test pictures: as the network saw them, PNG, and what to say of each."""
    from PIL import Image

    if found.test is None or found.pictures is None:
        return
    places = {name: place for place, name in enumerate(found.pictures.names)}
    for one in found.test.mistakes[:most]:
        pixels = found.pictures.pixels[places[one.name]]
        image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        buffer = io.BytesIO()
        image.save(buffer, format="PNG")
        said = [f"is {one.truth}", f"taken for {one.taken_for}, {one.probability:.0%}", _short(found, one.name)]
        yield buffer.getvalue(), said


def _short(found: Finding, name: str) -> str:
    """A picture's file below its folder, or its number."""
    files = found.asked.files
    if files is not None and name.startswith(str(files)):
        return name[len(str(files)) :].lstrip("/\\")
    return name if files is not None else f"test picture {name}"
