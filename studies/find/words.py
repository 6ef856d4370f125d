"""What card and report both say, as tables and sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from regnas.measure import BUILT_IN, costs_in
from regnas.studies.export.files.ship import path_size
from regnas.studies.find.finding import Finding
from regnas.studies.reporting import costs
from regnas.studies.reporting.text_table import Table
from regnas.studies.run.progress import duration
from regnas.studies.search.known import baselines as textbook
from regnas.studies.search.outcome import complete_rows
from regnas.system.duration import short
from regnas.system.text import counted
from regnas.weights import ARCHITECTURE, WEIGHTS

_HEADS = ("", "")
_MIRRORED = {True: "half of them mirrored, left for right", False: "none of them mirrored"}
_LONGER = "a longer --time goes on with this search"


def network(found: Finding) -> Table:
    """What it is, weighs and takes."""
    rows = [("network", f"{found.name}: {found.line}"), ("kind", found.network.kind)]
    rows += [(_cost_name(name), _cost(name, value)) for name, value in found.cost.items()]
    rows += [
        ("weights", path_size(found.folder / WEIGHTS)),
        ("latency", found.speed.text()),
        ("input", f"{found.plan.space.resolution} x {found.plan.space.resolution} px, {len(found.classes)} classes"),
    ]
    return Table("The network", _HEADS, tuple(rows))


def _cost_name(name: str) -> str:
    names = {"flops": "multiply-adds", "params": "parameters", "memory": "memory of activations, at the peak"}
    return names.get(name, name)


def _cost(name: str, value: float) -> str:
    if name == "memory":
        return f"{value / 1e6:.2f} MB for one picture in float32"
    return f"{value / 1e6:,.3g} million" if name in BUILT_IN and value >= 1e5 else f"{value:,.6g}"


def images(found: Finding) -> Table:
    """The pictures and their classes."""
    counts = ", ".join(f"{count:,} {part}" for part, count in found.counts.items())
    names = found.classes
    listed = ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
    rows = (("from", found.asked.data), ("pictures", counts), ("classes", f"{len(names)}: {listed}"))
    return Table("The pictures", _HEADS, rows)


def searched(found: Finding) -> Table:
    """What was searched and how."""
    plan, done = found.plan, complete_rows(found.result.rows)
    recipe = plan.facts.get("recipe", {})
    rows = [
        ("space", f"{plan.space.spec}{' (chosen by images and limits)' if plan.automatic else ''}"),
        ("limits", _limits(found)),
        (
            "strategy",
            f"{plan.strategy}, seed {plan.seed}: {_trained(len(done))}, {counted(plan.epochs or 0, 'epoch')} each",
        ),
        ("textbook networks", "; ".join(found.textbook) or "none"),
        *([("fine-tuned networks", "; ".join(found.fine_tuned))] if found.fine_tuned else []),
        ("batches", f"of {recipe['batch_size']} pictures" if "batch_size" in recipe else "as the evaluator has them"),
        *([("pictures in training", _MIRRORED[recipe["flip"]])] if "flip" in recipe else []),
        ("time", f"{short(found.asked.seconds)} for everything, as asked"),
        ("final training", _training(found)),
    ]
    rows += [("remark", one) for one in plan.remarks]
    failed = sum(row["state"] == "FAIL" for row in found.result.rows)
    rows += [("failed", f"{failed} candidates")] if failed else []
    return Table("What was searched", _HEADS, tuple(rows))


def _limits(found: Finding) -> str:
    """Of the search, and whose they are where the user's are others."""
    window, limit, regime = found.plan.space.window, found.plan.limit, found.asked.regime
    usual = "" if regime is None else f" (flops {regime} as usual for such pictures)"
    return f"{window}{f' (of {limit})' if limit != window else ''}{usual}"


def _trained(count: int) -> str:
    return "1 candidate trained" if count == 1 else f"{count} candidates trained"


def _training(found: Finding) -> str:
    about = found.training
    seconds = f", {duration(about['seconds'])}" if isinstance(about.get("seconds"), int | float) else ""
    return f"{about.get('trained', 'unknown')}{seconds}"


def race(found: Finding) -> Table | None:
    """The finalists, the one that was trained on first; None without a race."""
    if found.race is None:
        return None
    rows = tuple(
        (one.name, _held_out(one.standing.error), str(one.standing.epochs), duration(one.standing.seconds))
        for one in found.race.finalists
    )
    return Table("The race of the finalists", ("finalist", "held-out error", "epochs", "time"), rows)


def _held_out(error: float) -> str:
    """A finalist's error; one that diverged or did not race has none."""
    return f"{error:.2%}" if math.isfinite(error) else "none"


def best(found: Finding, most: int = 10) -> Table:
    """The best candidates and all textbook networks after their short trainings."""
    done = complete_rows(found.result.rows)
    some = [(f"candidate {row['index']}", row) for row in done[:most]]
    some += [(row["baseline"], row) for row in found.result.baselines]
    some.sort(key=lambda one: (bool(one[1]["diverged"]), float(one[1]["error"])))
    names = costs.names_of([costs_in(row) for _, row in some])
    heads = ("network", "validation error", *map(costs.head, names))
    rows = tuple(
        (name, f"{row['error']:.2%}", *(costs.cell(one, costs_in(row)) for one in names)) for name, row in some
    )
    return Table(f"After short trainings: the best {min(most, len(done))} of {len(done)} and the textbook", heads, rows)


def files(found: Finding) -> Table:
    """What lies in the folder."""
    rows = [(WEIGHTS, "the trained weights"), (ARCHITECTURE, "the network, its classes and its preprocessing")]
    rows += list(found.files.written.items())
    rows += [(f"{name}: not written", why) for name, why in found.files.left_out.items()]
    return Table("Files", ("file", "what it is"), tuple(rows))


def versions(found: Finding) -> Table:
    """What computed all of it."""
    return Table("Versions", ("of", ""), tuple(found.versions.items()))


def gain(found: Finding) -> str:
    """What more searching would bring."""
    if found.gain is None:
        count = len(complete_rows(found.result.rows))
        verb = "is" if count == 1 else "are"
        hardly = "hardly a search, and " if found.longer else ""
        longer = f": --time {found.longer} would do for some ten candidates" if found.longer else ""
        told = f"{counted(count, 'candidate')} {verb} {hardly}too few to tell what more of them would bring"
        return f"{told}; {_LONGER}{longer}"
    return _sentence(f"{found.gain.text()}; {_LONGER}")


def lead(found: Finding) -> str:
    """How sure the lead over the textbook is."""
    if found.lead is None:
        return _no_lead(found)
    return _sentence(found.lead.text())


def _no_lead(found: Finding) -> str:
    """Why there is no textbook network to compare with."""
    if found.result.baselines:
        return "No candidate can be compared with a textbook network: all trainings of one kind or the other diverged"
    known = textbook.asked(found.plan)
    why = "there was no time for one, or its training failed"
    if not known:
        why = textbook.said(found.plan, known).removeprefix("no baselines: ") or f"{found.plan.evaluator} trains none"
    return f"No textbook network was trained: {why}"


def sure(found: Finding) -> list[str]:
    """How sure the choice is, in sentences."""
    undecided = (
        "The race was too short to tell anything, so the best of the short trainings was trained on; a longer --time "
        "lets the finalists show more"
    )
    return [lead(found), *([undecided] if found.race is not None and not found.race.decided else []), gain(found)]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def limits(found: Finding) -> Iterator[str]:
    """What must not be read into the numbers."""
    if found.test is not None:
        yield (
            "The test pictures are from the same folder as the others. On pictures of another camera, place or year "
            "the error may be another one; regnas test tells it."
        )
        small = [
            name
            for name, count in zip(found.test.class_names, found.test.counts.tolist(), strict=True)
            if 0 < count < 20
        ]
        if small:
            few = ", ".join(small[:8]) + (f" and {len(small) - 8} more" if len(small) > 8 else "")
            yield f"Fewer than 20 test pictures show each of {few}: their recall is hardly known."
    if found.tested > 1:
        yield (
            f"Test pictures were used for {found.tested} networks of this folder, one for each --time: whoever chooses "
            f"among them by the test error makes it too low."
        )
    yield (
        "One training of each network was compared. Another seed gives other errors, and may give another order; the "
        "intervals are of the number of pictures alone."
    )
    if found.speed.seconds is not None:
        yield "Latency is of this machine and this runtime; another one has another order of networks, too."
    yield "A network names one of its classes for every picture, also for one that shows none of them."
