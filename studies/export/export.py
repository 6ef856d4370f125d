"""``regnas export``, ``import`` and ``fit``: networks to and from other libraries, and their nearest RegNets."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnas import weights
from regnas.architecture import Architecture
from regnas.design_space import make_space
from regnas.errors import RegnasError, UsageError
from regnas.search_spaces.staged import presets
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.fit.exact import Line
from regnas.search_spaces.staged.fit.nearest import LineFit, fit_line
from regnas.search_spaces.staged.formats import pycls, timm, torchvision
from regnas.search_spaces.staged.regnet import QUANTUM, block_widths, stages_of
from regnas.system.optional import require

# What writes each format; `json` is the architecture itself.
WRITERS: dict[str, Callable[[Staged, Line | None], str]] = {
    "pycls": pycls.write,
    "timm": timm.write,
    "torchvision": torchvision.write,
}
FORMATS = (*WRITERS, "json")


@dataclass(frozen=True)
class Named:
    """A network that the command line names.

    Attributes:
        line: its RegNet parameters, where these are known.
        folder: where its weights lie, if it was trained.
    """

    architecture: Architecture
    line: Line | None = None
    folder: Path | None = None


def find(text: str) -> Named:
    """A study's folder, a folder with an architecture or its JSON file, or a network of the paper by name.

    Raises:
        UsageError: nothing of these.
        RegnasError: it cannot be read.
    """
    path = Path(text)
    if path.is_dir() and (path / "study.json").exists():
        if not (path / "best.json").exists():
            raise RegnasError(f"{path} has no winner yet; go on with its search")
        return _of_file(path / "best.json", path / "best")
    if path.exists():
        return _of_file(path, path if path.is_dir() else _weights_of(path))
    if text.lower().replace("_", "-") in presets.names():
        space, params = presets.preset(text)
        found = make_space(space)
        return Named(found.decode(found.complete(params)), _line(params))
    near = difflib.get_close_matches(text.lower(), presets.names(), n=1)
    hint = f"; did you mean {near[0]}?" if near else " such as regnety-800mf (regnas list presets)"
    raise UsageError(
        f"{text} is no study's folder, no architecture's file or folder, and no network of the paper{hint}"
    )


def _weights_of(file: Path) -> Path:
    """The folder with the weights of an architecture's file: a search keeps its winner's apart from best.json."""
    return file.parent / "best" if file.name == "best.json" else file.parent


def _of_file(path: Path, folder: Path) -> Named:
    architecture = weights.read_architecture(path)
    stored = json.loads(path.read_text()) if path.is_file() else {}
    params = stored.get("params_by_name") if isinstance(stored, dict) else None
    kept = folder if (folder / weights.WEIGHTS).exists() else None
    return Named(architecture, _line(params or {}), kept)


def _line(params: dict[str, Any]) -> Line | None:
    names = ("depth", "w0", "wa", "wm", "group_width")
    if not set(names) <= set(params) or params["w0"] != int(params["w0"]):
        return None
    depth, w0, wa, wm, group = (params[name] for name in names)
    return Line(int(depth), int(w0), float(wa), float(wm), int(group), params.get("bottleneck_ratio", 1))


def export(named: Named, form: str) -> str:
    """The network in another library's form.

    Raises:
        UsageError: the library cannot express it, and why.
    """
    architecture = named.architecture
    if form == "json":
        return json.dumps(architecture.to_json(), indent=1) + "\n"
    if not isinstance(architecture, Staged):
        raise UsageError(
            f"{form} has no networks of the kind {architecture.kind!r}: staged ones and json can be exported"
        )
    return WRITERS[form](architecture, named.line)


def export_weights(named: Named, form: str, path: Path) -> None:
    """The trained weights under the names of the other library, as safetensors.

    Raises:
        UsageError: a form without a network in torch, or a network without weights.
    """
    if form not in ("timm", "torchvision"):
        raise UsageError(f"weights are renamed for timm and torchvision, not for {form}")
    if named.folder is None:
        raise UsageError("there are no trained weights beside this network; name the folder of a search or a training")
    from safetensors.torch import load_file, save_file

    from regnas.search_spaces.staged.formats.timm_weights import state_dict_to_timm
    from regnas.search_spaces.staged.formats.torchvision_weights import state_dict_to_torchvision

    rename = state_dict_to_timm if form == "timm" else state_dict_to_torchvision
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(rename(load_file(named.folder / weights.WEIGHTS)), path)


def read(source: str) -> list[Staged]:
    """The networks of a configuration of pycls, of the results of one of its sweeps, or of a name.

    Args:
        source: a ``.yaml`` or ``.json`` file, ``torchvision:NAME`` or ``timm:NAME``.

    Raises:
        UsageError: nothing of these, or a network that regnas cannot express, and why.
    """
    host, _, name = source.partition(":")
    if host in ("torchvision", "timm") and name:
        return [torchvision.network(name) if host == "torchvision" else timm.network(name)]
    path = Path(source)
    if path.suffix == ".json":
        return pycls.read_sweep(path)
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(
            f"import reads a .yaml or a sweep's .json of pycls, torchvision:NAME or timm:NAME; got {source!r}"
        )
    try:
        return [pycls.read(path.read_text(), source)]
    except OSError as error:
        raise RegnasError(f"cannot read {source}: {error.strerror}") from error


@dataclass(frozen=True)
class Fit:
    """The RegNet nearest to a network.

    Attributes:
        line: with the error e_fit, see `regnas.search_spaces.staged.fit.nearest.fit_line`.
        bottleneck_ratio, group_width: of all stages, or None where they differ or are not known.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    line: LineFit
    bottleneck_ratio: float | None = None
    group_width: int | None = None

    @property
    def nearest(self) -> tuple[list[int], list[int]]:
        """Depths and widths of the line's own stages, before the compatibility step."""
        widths = block_widths(sum(self.depths), self.line.w0, self.line.wa, self.line.wm)
        return stages_of([max(width, QUANTUM) for width in widths])  # as the fit has it


def fit(target: str) -> Fit:
    """The nearest RegNet of anything that `find` or `read` takes, or of a ResNet of torchvision by name.

    Raises:
        UsageError: nothing with stages.
    """
    host, _, name = target.partition(":")
    if host == "torchvision" and not name.startswith("regnet_"):
        return _fit_resnet(name)
    imported = host in ("torchvision", "timm") or target.endswith((".yaml", ".yml"))
    network = read(target)[0] if imported else find(target).architecture
    if not isinstance(network, Staged):
        raise UsageError(f"only networks of stages have a line, and this one is of the kind {network.kind!r}")
    ratios, groups = set(network.bottleneck_ratios), set(network.group_widths)
    return Fit(
        network.depths,
        network.widths,
        fit_line(network.depths, network.widths),
        ratios.pop() if len(ratios) == 1 else None,
        groups.pop() if len(groups) == 1 else None,
    )


def _fit_resnet(name: str) -> Fit:
    """From the module itself, which is built without memory for its weights."""
    require("torchvision", "vision", low="0.19", below="1")
    import torch
    from torchvision.models import get_model
    from torchvision.models.resnet import ResNet

    try:
        with torch.device("meta"):
            module = get_model(name, weights=None)
    except ValueError:
        module = None
    if not isinstance(module, ResNet):
        raise UsageError(f"fit knows the ResNets, ResNeXts and RegNets of torchvision, and {name!r} is none of them")
    stages = [getattr(module, f"layer{number}") for number in (1, 2, 3, 4)]
    last = [list(stage[-1].modules()) for stage in stages]
    convolutions = [[one for one in layers if isinstance(one, torch.nn.Conv2d)] for layers in last]
    widths = tuple(layers[-1].out_channels for layers in convolutions)
    depths = tuple(len(stage) for stage in stages)
    ratios = {width / layers[1].out_channels for width, layers in zip(widths, convolutions, strict=True)}
    groups = {layers[1].out_channels // layers[1].groups for layers in convolutions}
    ratio = ratios.pop() if len(ratios) == 1 else None
    return Fit(depths, widths, fit_line(depths, widths), ratio, groups.pop() if len(groups) == 1 else None)
