"""``regnas describe``: what a point, a preset or a file is as a network; what a window leaves of a space."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from regnas import weights
from regnas.architecture import Architecture
from regnas.design_space import Space, make_space
from regnas.errors import RegnasError, UsageError
from regnas.sampling.stream import survey
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.complexity import feature_sizes
from regnas.search_spaces.staged.presets import preset

Description = dict[str, Any]
DEFAULT_RESOLUTION = 224


def describe_point(space: Space, params: dict[str, Any]) -> Description:
    """A point of a space, in its ranges or not.

    Raises:
        UsageError: a missing or unknown parameter, or a value no network can have.
    """
    whole = space.complete(params)
    return _described(space.decode(whole), space.resolution) | {
        "space": space.spec,
        "params": whole,
        "in_space": space.contains(whole),
    }


def describe_preset(name: str, resolution: int | None, classes: int) -> Description:
    """A network of the paper by name.

    Raises:
        PluginNotFound: no preset of that name.
    """
    space, params = preset(name)
    found = make_space(space)
    images = replace(found.images, resolution=resolution or DEFAULT_RESOLUTION, classes=classes)
    return describe_point(found.on(images), params)


def describe_file(path: str, resolution: int | None) -> Description:
    """The architecture of a JSON file or a folder with one.

    A search's best.json also says which point of which space it is, and at which resolution it was trained.
    """
    file = Path(path)
    architecture = weights.read_architecture(file)
    known = json.loads(file.read_text()) if file.is_file() else {}
    trained = known.get("settings", {}).get("images", {}).get("resolution") or known.get("resolution")
    found = _described(architecture, resolution or trained or DEFAULT_RESOLUTION)
    if "settings" in known and "params_by_name" in known:
        found |= {"space": known["settings"]["space"], "params": known["params_by_name"], "in_space": True}
    return found


def _described(architecture: Architecture, resolution: int) -> Description:
    return {
        "space": None,
        "params": None,
        "in_space": None,
        "architecture": architecture.to_json(),
        "key": architecture.key(),
        "resolution": resolution,
        "complexity": asdict(architecture.complexity(resolution)),
    }


def parse_params(text: str) -> dict[str, Any]:
    """Parameters given as a JSON object.

    Raises:
        UsageError: not a JSON object.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--params is a JSON object such as '{{\"depth\": 22}}', got {text!r} ({error})") from error
    if not isinstance(value, dict):
        raise UsageError(f"--params is a JSON object, got {text!r}")
    return value


def stage_lines(description: Description) -> list[list[str]]:
    """A row per stage of a staged network: number, blocks, width, stride, b, groups, pixels."""
    architecture = description["architecture"]
    if architecture["kind"] != "staged":
        return []
    staged = Staged.from_json(architecture)
    sizes = feature_sizes(staged.template, description["resolution"])
    return [
        [
            str(stage + 1),
            str(staged.depths[stage]),
            str(staged.widths[stage]),
            str(staged.strides[stage]),
            f"{staged.bottleneck_ratios[stage]:g}",
            str(staged.group_widths[stage]),
            f"{sizes[stage + 1]} x {sizes[stage + 1]}",
        ]
        for stage in range(staged.stages)
    ]


def feasibility(space: Space, *, draws: int = 500_000) -> Description:
    """What a window leaves of a space: the share of the draws, why the others are rejected, what is attainable."""
    tally = survey(space, draws=draws if space.patience > draws else 20_000)
    names = {"flops": "flops", "params": "params", "activations": "acts"}
    return {
        "space": space.spec,
        "resolution": space.resolution,
        "window": str(space.window),
        "drawn": tally.drawn,
        "accepted": tally.accepted,
        "acceptance": tally.rate,
        "standard_error": (tally.rate * (1 - tally.rate) / tally.drawn) ** 0.5,
        "rejected": {reason: count / tally.drawn for reason, count in tally.rejected.most_common()},
        "attainable": {shown: [tally.lowest.get(name), tally.highest.get(name)] for name, shown in names.items()},
    }


def plot_widths(description: Description, path: str) -> None:
    """Draw block width against block index, as the paper's figures 7 and 11 do.

    Raises:
        UsageError: the architecture has no stages, or the file's type cannot be drawn.
        RegnasError: the file cannot be written.
    """
    architecture = description["architecture"]
    if architecture["kind"] != "staged":
        raise UsageError(f"--plot draws the stages of staged networks, and this is a {architecture['kind']}")
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    widths = [w for w, d in zip(architecture["widths"], architecture["depths"], strict=True) for _ in range(d)]
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.add_subplot()
    params = description["params"] or {}
    if {"w0", "wa"} <= set(params):
        line = [params["w0"] + params["wa"] * j for j in range(len(widths))]
        axes.plot(range(1, len(widths) + 1), line, ":", color="0.4", label="$u_j = w_0 + w_a j$")
    axes.step(
        range(1, len(widths) + 1),
        widths,
        where="mid",
        color="C0",
        marker="o",
        markersize=3,
        label="block width",
    )
    axes.set(xlabel="block index", ylabel="width (channels)", title=_title(description))
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    try:
        figure.savefig(path, dpi=150)
    except ValueError as error:
        raise UsageError(f"--plot writes png, svg or pdf, got {path!r} ({error})") from error
    except OSError as error:
        raise RegnasError(f"cannot write {path}: {error.strerror}") from error


def _title(description: Description) -> str:
    flops = description["complexity"]["flops"]
    scale, unit = (1e9, "GF") if flops >= 1e9 else (1e6, "MF")
    named = description["space"] or "network"
    return f"{named}, {flops / scale:.3g} {unit} at {description['resolution']} px"
