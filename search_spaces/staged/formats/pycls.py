"""The configurations of the paper's authors (pycls): YAML of one network, and the results of its sweeps.

Source: pycls ``core/config.py`` and ``models/``. Their bottleneck multiplier is 1 / b.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from regnas.errors import InvalidArchitecture, UsageError
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.fit.exact import RegNetLine
from regnas.system.reading import read_json

_BLOCKS = {
    "res_bottleneck_block": "x",
    "res_bottleneck_linear_block": "linear",
    "res_basic_block": "basic",
    "vanilla_block": "vanilla",
}
_STEMS = {"simple_stem_in": "simple", "res_stem_in": "resnet", "res_stem_cifar": "cifar"}
_SHARED = {"STEM_TYPE": "simple_stem_in", "STEM_W": 32, "BLOCK_TYPE": "res_bottleneck_block"}
_SHARED |= {"SE_ON": False, "SE_R": 0.25, "HEAD_W": 0}
_ANYNET: dict[str, Any] = {**_SHARED, "DEPTHS": [], "WIDTHS": [], "STRIDES": [], "BOT_MULS": [], "GROUP_WS": []}
_REGNET: dict[str, Any] = {**_SHARED, "DEPTH": 10, "W0": 32, "WA": 5.0, "WM": 2.5, "GROUP_W": 16, "BOT_MUL": 1.0}
_REGNET |= {"STRIDE": 2}
_CLASSES = 10  # where a configuration says nothing


def read(text: str, source: str) -> Staged:
    """The network of a configuration.

    Args:
        source: where it is from, for messages.

    Raises:
        UsageError: not such a configuration, or a network that regnas cannot express, and why.
    """
    try:
        config = yaml.safe_load(text)
    except RecursionError:
        raise UsageError(f"{source} is no YAML that can be read: it is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:  # a date or a number that there is not is a ValueError
        raise UsageError(f"{source} is not YAML: {' '.join(str(error).split())}") from error
    return of_config(config, source)


def read_sweep(path: Path) -> list[Staged]:
    """The networks of a sweep's results (``sweep.json``), in their order.

    Raises:
        UsageError: not such a file.
    """
    jobs = read_json(path, UsageError)
    if not isinstance(jobs, list) or not jobs or not all(isinstance(job, dict) and "cfg" in job for job in jobs):
        raise UsageError(f'{path} is no sweep of pycls: it is not a list of jobs with a "cfg" each')
    found = []
    for number, job in enumerate(jobs, 1):
        config = job["cfg"]
        where = f"job {number} of {path}"
        found.append(read(config, where) if isinstance(config, str) else of_config(config, where))
    return found


def of_config(config: Any, source: str) -> Staged:
    """The network of a configuration that is read already; see `read`.

    Raises:
        UsageError: it is no configuration of pycls, or one of a network that no space here has.
    """
    model = config.get("MODEL") if isinstance(config, Mapping) else None
    if not isinstance(model, Mapping) or "TYPE" not in model:
        raise UsageError(f"{source} is no configuration of pycls: it has no MODEL.TYPE")
    kind = str(model["TYPE"])
    if kind not in ("anynet", "regnet"):
        raise UsageError(f"{source} is a {kind} of pycls; regnas reads its anynet and regnet")
    given, norm = config.get(kind.upper()) or {}, config.get("BN") or {}
    if not isinstance(given, Mapping) or not isinstance(norm, Mapping):
        raise UsageError(f"{source} is no configuration of pycls: {kind.upper()} and BN hold keys with values")
    _check_model(model, norm, source)
    known = _ANYNET if kind == "anynet" else _REGNET
    if unknown := sorted(set(given) - set(known)):
        raise UsageError(f"{source}: regnas does not know {', '.join(f'{kind.upper()}.{name}' for name in unknown)}")
    options = _common({**known, **given}, model, source)
    try:
        return (_anynet if kind == "anynet" else _regnet)({**known, **given}, options)
    except (InvalidArchitecture, TypeError, ValueError, ArithmeticError) as error:
        raise UsageError(f"{source} describes no network: {error}") from error


def _check_model(model: Mapping[str, Any], norm: Mapping[str, Any], source: str) -> None:
    for name, value, usual in (
        ("MODEL.SCALING_FACTOR", model.get("SCALING_FACTOR"), 1),
        ("BN.EPS", norm.get("EPS"), 1e-5),
        ("BN.MOM", norm.get("MOM"), 0.1),
    ):
        if value is not None and not _is(value, usual):
            raise UsageError(f"{source}: {name} is {value}, and regnas builds networks with {usual:g}")


def _is(value: Any, usual: float) -> bool:
    try:
        return float(value) == usual  # YAML reads 1e-5 as text
    except (TypeError, ValueError):
        return False


def _common(given: Mapping[str, Any], model: Mapping[str, Any], source: str) -> dict[str, Any]:
    for name, known in (("BLOCK_TYPE", _BLOCKS), ("STEM_TYPE", _STEMS)):
        if given[name] not in known:
            raise UsageError(f"{source}: {name} is {given[name]!r}; regnas knows {', '.join(known)}")
    return {
        "block": _BLOCKS[given["BLOCK_TYPE"]],
        "stem": _STEMS[given["STEM_TYPE"]],
        "stem_width": given["STEM_W"],
        "se_ratio": float(given["SE_R"]) if given["SE_ON"] else 0.0,
        "head_width": given["HEAD_W"],
        "classes": model.get("NUM_CLASSES", _CLASSES),
        "activation": model.get("ACTIVATION_FUN", "relu"),
    }


def _anynet(given: Mapping[str, Any], options: dict[str, Any]) -> Staged:
    stages = len(given["DEPTHS"])
    # Without group widths pycls takes 1 channel per group, and without multipliers 1.
    return Staged(
        depths=tuple(given["DEPTHS"]),
        widths=tuple(given["WIDTHS"]),
        strides=tuple(given["STRIDES"]),
        bottleneck_ratios=tuple(map(_ratio, given["WIDTHS"], given["BOT_MULS"] or [1] * stages)),
        group_widths=tuple(given["GROUP_WS"] or [1] * stages),
        **options,
    )


def _regnet(given: Mapping[str, Any], options: dict[str, Any]) -> Staged:
    ratio = _inverse(given["BOT_MUL"])
    line = RegNetLine(given["DEPTH"], given["W0"], given["WA"], given["WM"], given["GROUP_W"], ratio)
    depths, widths, groups = line.stages()
    return Staged(
        depths=tuple(depths),
        widths=tuple(widths),
        strides=(given["STRIDE"],) * len(depths),
        bottleneck_ratios=(ratio,) * len(depths),
        group_widths=tuple(groups),
        **options,
    )


def _ratio(width: int, multiplier: float) -> float:
    """b of a stage. pycls rounds the product with the multiplier, which may be another width than the quotient by b."""
    ratio, inner = _inverse(multiplier), round(width * multiplier)
    return ratio if inner < 1 or round(width / ratio) == inner else width / inner


def _inverse(multiplier: float) -> float:
    ratio = 1 / multiplier
    return int(ratio) if ratio == int(ratio) else ratio


def write(network: Staged, line: RegNetLine | None = None) -> str:
    """A configuration of the network: its RegNet parameters where ``line`` makes it, its stages where not.

    Raises:
        UsageError: pycls cannot express the network, and why.
    """
    _check(network)
    names = {ours: theirs for theirs, ours in _BLOCKS.items()} | {"r": "res_bottleneck_block"}
    shared: dict[str, Any] = {
        "STEM_TYPE": {ours: theirs for theirs, ours in _STEMS.items()}[network.stem],
        "STEM_W": network.stem_width,
        "BLOCK_TYPE": names[network.block],
    }
    shared |= {"SE_ON": True, "SE_R": network.se_ratio} if network.se_ratio else {}
    shared |= {"HEAD_W": network.head_width} if network.head_width else {}
    generated = line is not None and network.block in ("x", "linear") and _makes(line, network)
    section = _regnet_section(line, network) if line is not None and generated else _anynet_section(network)
    kind = "regnet" if generated else "anynet"
    model: dict[str, Any] = {"TYPE": kind, "NUM_CLASSES": network.classes}
    model |= {"ACTIVATION_FUN": network.activation} if network.activation != "relu" else {}
    config = {"MODEL": model, kind.upper(): {**section, **shared}}
    lines = []
    for head, part in config.items():
        lines += [f"{head}:", *(f"  {name}: {_text(value)}" for name, value in part.items())]
    return "\n".join(lines) + "\n"


def _text(value: Any) -> str:
    dumped: str = yaml.safe_dump(value, default_flow_style=True, width=1000)
    return dumped.splitlines()[0]


def _makes(line: RegNetLine, network: Staged) -> bool:
    stages = (list(network.depths), list(network.widths), list(network.group_widths))
    return (
        line.stages() == stages
        and len(set(network.strides)) == 1
        and set(network.bottleneck_ratios) == {line.bottleneck_ratio}
    )


def _regnet_section(line: RegNetLine, network: Staged) -> dict[str, Any]:
    return {
        "DEPTH": line.depth,
        "W0": line.w0,
        "WA": line.wa,
        "WM": line.wm,
        "GROUP_W": line.group_width,
        "BOT_MUL": 1 / line.bottleneck_ratio,
        "STRIDE": network.strides[0],
    }


def _anynet_section(network: Staged) -> dict[str, Any]:
    section: dict[str, Any] = {
        "DEPTHS": list(network.depths),
        "WIDTHS": list(network.widths),
        "STRIDES": list(network.strides),
    }
    if network.block in ("x", "r", "linear"):
        section["BOT_MULS"] = [1 / ratio for ratio in network.bottleneck_ratios]
        section["GROUP_WS"] = list(network.group_widths)
    return section


def _check(network: Staged) -> None:
    if "rs" in (network.block, network.stem):
        raise UsageError("pycls has no blocks and no stem of ResNet-RS, 'rs'")
    if network.block in ("v", "vr"):
        raise UsageError(f"pycls has no block of one 3x3 convolution, {network.block!r}")
    if network.block in ("basic", "vanilla") and network.se_ratio:
        raise UsageError(f"pycls has no squeeze-and-excitation in {network.block!r} blocks")
    for stage, ratio in enumerate(network.bottleneck_ratios):
        theirs, ours = round(network.widths[stage] * (1 / ratio)), network.bottleneck_widths[stage]
        if theirs != ours:
            raise UsageError(
                f"pycls rounds the bottleneck of stage {stage + 1} to {theirs} channels, and it has {ours} here"
            )
