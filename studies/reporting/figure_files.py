"""Figures as PNG and SVG files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from regnas.errors import RegnasError
from regnas.studies.reporting import style

_DPI = 150


def save(figures: Mapping[str, Any], folder: Path, marks: Sequence[str] = ()) -> dict[str, bytes]:
    """Write figures into ``folder``, each as PNG and SVG.

    Args:
        figures: by file name, drawn under `regnas.studies.reporting.style.RC`.
        marks: what a reader must know, below every figure.

    Returns:
        The PNG files by name.

    Raises:
        RegnasError: the folder cannot be written.
    """
    from matplotlib import rc_context

    pictures: dict[str, bytes] = {}
    look = {"bbox_inches": "tight"} if marks else {}  # the marks stand below
    with rc_context(style.RC):
        for name, figure in figures.items():
            style.stamp(figure, list(marks))
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=_DPI, **look)
            pictures[name] = buffer.getvalue()
            try:
                folder.mkdir(parents=True, exist_ok=True)
                figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, **look)
                (folder / f"{name}.png").write_bytes(pictures[name])
            except OSError as error:
                raise RegnasError(f"cannot write figures to {folder}: {error.strerror}") from error
    return pictures
