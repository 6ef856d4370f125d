"""``regnas describe``: what a point, a preset or a file is as a network; what a window leaves of a space."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import Any

from regnas import weights
from regnas.architecture import Architecture, from_json
from regnas.costs import complexity_of
from regnas.describe import SupportsLines, summary
from regnas.design_space import Params, Space, make_space
from regnas.drawing import drawing
from regnas.errors import RegnasError, UsageError
from regnas.images import Images
from regnas.measure import BUILT_IN, ordered, short_of
from regnas.preset import preset
from regnas.sampling import keyed
from regnas.sampling.batch import decoded
from regnas.sampling.screening import Screened, Tally
from regnas.sampling.stream import survey
from regnas.system.reading import fields, parse_json, read_fields

Description = dict[str, Any]
_ACROSS, _MOST_ACROSS = 45, 62  # characters of 11 points above a picture, and of smaller ones
# What a file may say of its network, beside the network.
_KNOWN = {"settings": dict | None, "params_by_name": dict | None, "resolution": int | None}


def describe_point(space: Space, params: dict[str, Any]) -> Description:
    """A point of a space, in its ranges or not.

    Raises:
        UsageError: a missing or unknown parameter, or a value no network can have.
        PluginBroken: as `regnas.sampling.batch.decoded`.
    """
    whole = space.complete(params)
    network = decoded(space, whole)
    return _described(network, space.resolution) | {
        "space": space.spec,
        "params": space.active(whole),
        "in_space": space.contains(whole) or _is_in(space, whole, network),
    }


def _is_in(space: Space, params: Params, network: Architecture) -> bool:
    """Whether the network is one of the space by another of the points that are equivalent to this one."""
    other = space.ordered(params)
    return other != params and space.contains(other) and space.decode(other) == network


def describe_preset(name: str, resolution: int | None, classes: int | None) -> Description:
    """A network known by name, on the images it was published for unless others are said.

    Raises:
        PluginNotFound: no preset of that name.
        UsageError: a resolution or a number of classes that no images have.
    """
    known = preset(name)
    images = replace(
        known.images,
        resolution=known.images.resolution if resolution is None else resolution,
        classes=known.images.classes if classes is None else classes,
    )
    found = describe_point(make_space(known.space).on(images), dict(known.params))
    return found | {"note": known.note} if known.note else found


def describe_file(path: str, resolution: int | None) -> Description:
    """The architecture of a JSON file, of a folder with one, or of a study's folder, whose winner it is.

    A search's best.json also says which point of which space it is; it and a trained network's architecture.json, at
    which resolution it was trained.

    Raises:
        RegnasError: there is no such file, or no winner yet.
        UsageError: a resolution that no images have.
    """
    file = _file_of(Path(path))
    architecture = weights.read_architecture(file)
    known = read_fields(file, **_KNOWN)
    settings = fields(known.get("settings") or {}, f"settings of {file}", space=str | None, images=dict | None)
    stored = fields(settings.get("images") or {}, f"images of {file}", resolution=int | None)
    trained = stored.get("resolution") or known.get("resolution")
    images = Images(resolution=trained or summary(architecture).resolution if resolution is None else resolution)
    found = _described(architecture, images.resolution)
    if settings.get("space") and known.get("params_by_name"):
        found |= {"space": settings["space"], "params": known["params_by_name"], "in_space": True}
    return found


def _file_of(path: Path) -> Path:
    if not path.is_dir():
        return path
    if not (path / "study.json").exists():
        return path / weights.ARCHITECTURE
    if not (path / "best.json").exists():
        raise RegnasError(f"{path} has no winner yet; go on with its search")
    return path / "best.json"


def _described(architecture: Architecture, resolution: int) -> Description:
    return {
        "space": None,
        "params": None,
        "in_space": None,
        "architecture": architecture.to_json(),
        "key": architecture.key(),
        "resolution": resolution,
        "complexity": dict(complexity_of(architecture, resolution)),
    }


def add_latency(description: Description, runtime: str | None, threads: int | None) -> None:
    """Measure a described network on this machine, and put ``latency`` into the description.

    Raises:
        UsageError: a runtime that there is not.
        HostError: it is not installed, or the machine did not become quiet.
    """
    from regnas.evaluators.latency.meter import make_meter

    meter = make_meter({"runtime": runtime, "threads": threads}, None)
    images = Images(resolution=description["resolution"])
    reading = meter.reading(from_json(description["architecture"]), images, "cpu")
    description["latency"] = {
        "seconds": reading.median,
        "spread": reading.spread,
        "samples": reading.samples,
        "dropped": reading.dropped,
        "load": reading.load,
        "said": meter.said("cpu"),
        "measured_by": dict(meter.told("cpu")),
    }


def parse_params(text: str, space: Space | None = None) -> dict[str, Any]:
    """Parameters given as a JSON object, or as a line of a network where the space reads such lines.

    Raises:
        UsageError: neither.
    """
    if isinstance(space, SupportsLines) and text.strip()[:1] not in ("{", "[", ""):
        return space.point_of_line(text)
    try:
        return fields(parse_json(text, "it", UsageError), "it", UsageError)
    except UsageError as error:
        shown = text if len(text) <= 200 else f"{text[:200]}..."
        raise UsageError(f"--params is a JSON object such as '{{\"depth\": 22}}', got {shown!r} ({error})") from error


def feasibility(space: Space, *, draws: int = 500_000) -> Description:
    """What a window leaves of a space: the share of the draws, why the others are rejected, what is attainable.

    What is no closed form is not measured for so many networks: ``not_counted`` names it. Where most draws are no
    networks, ``examples`` has what was said of the first, by the reason.
    """
    tally = survey(space, draws=draws if space.patience > draws else 20_000)
    examples = {reason: said.strip() for reason in tally.rejected if (said := tally.example(reason))}
    report = {
        "space": space.spec,
        "resolution": space.resolution,
        "window": str(space.window),
        "drawn": tally.drawn,
        "accepted": tally.accepted,
        "acceptance": tally.rate,
        "standard_error": (tally.rate * (1 - tally.rate) / tally.drawn) ** 0.5,
        "rejected": {reason: count / tally.drawn for reason, count in tally.rejected.most_common()},
        "attainable": {
            short_of(name): [tally.lowest.get(name), tally.highest.get(name)]
            for name in ordered({*BUILT_IN, *tally.lowest})
        },
        **({"examples": examples} if examples else {}),
        **({"not_counted": [short_of(name) for name in space.measures]} if space.measures else {}),
    }
    return {**report, "active": active_shares(space)} if space.conditions else report


def active_shares(space: Space, *, draws: int = 20_000) -> dict[str, dict[str, float | None]]:
    """In which share of the law's draws each conditional parameter is active, and in which share of those that the
    space and its window accept; None where they accept none.
    """
    columns = space.ordered_columns(space.draw(keyed.generator("active", space.spec), draws))
    rows = Screened(space, columns, Tally()).rows
    return {
        name: {"draws": float(active.mean()), "accepted": float(active[rows].mean()) if len(rows) else None}
        for name, active in space.hierarchy.where(columns).items()
    }


def plot(description: Description, path: str) -> None:
    """Draw the network as its kind draws itself.

    Raises:
        UsageError: the kind has no picture, or the file's type cannot be drawn.
        RegnasError: the file cannot be written.
    """
    draw = drawing(description["architecture"])
    if draw is None:
        kind = description["architecture"]["kind"]
        raise UsageError(f"--plot draws what knows how: a {kind} has no profile and no method draw (regnas.drawing)")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.add_subplot()
    draw(axes, description["params"] or {})
    lines = wrap(_title(description), _MOST_ACROSS)
    axes.set_title("\n".join(lines), fontsize=min(11, 11 * _ACROSS / max(map(len, lines))))
    try:
        figure.savefig(path, dpi=150)
    except ValueError as error:
        raise UsageError(f"--plot writes png, svg or pdf, got {path!r} ({error})") from error
    except OSError as error:
        raise RegnasError(f"cannot write {path}: {error.strerror}") from error


def _title(description: Description) -> str:
    named, flops = description["space"] or "network", description["complexity"].get("flops")
    if flops is None:
        return str(named)
    scale, unit = (1e9, "GF") if flops >= 1e9 else (1e6, "MF")
    return f"{named}, {flops / scale:.3g} {unit} at {description['resolution']} px"
