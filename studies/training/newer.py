"""What came to a study's table of trials after its winner was chosen."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from regnas.errors import DataError
from regnas.system.reading import fields_if_whole, read_text


def better_since(target: str) -> str | None:
    """That trials.csv holds a better candidate than best.json, in a sentence; None where it holds none, or where one
    of the two is not there. A comparison adds trainings to a study and chooses no winner.

    Args:
        target: a study's folder or its best.json.
    """
    path = Path(target)
    folder = path if path.is_dir() else path.parent
    best = fields_if_whole(folder / "best.json", index=int, validation_error=float)
    table = folder / "trials.csv"
    if best is None or (path.is_file() and path.name != "best.json") or not table.exists():
        return None
    ordered_by = "objective" if "objective" in best else "error"
    try:
        own = float(best.get("objective", best["validation_error"]))
        rows = csv.DictReader(io.StringIO(read_text(table)))
        sound = [row for row in rows if row["state"] == "COMPLETE" and not int(row["diverged"] or 0)]
        found, index = min(((float(row[ordered_by]), int(row["index"])) for row in sound), default=(own, 0))
    except (DataError, csv.Error, KeyError, ValueError, TypeError):
        return None  # not as a search leaves them: what is better is not known
    if found >= own:
        return None
    name = best.get("baseline") or f"candidate {best['index']}"
    return (
        f"this trains {name} ({ordered_by} {own:.2%}), which best.json names; {table} has a better one since, "
        f"candidate {index} ({found:.2%}): the search's own command, given again, makes it the winner, and trains "
        f"nothing twice"
    )
