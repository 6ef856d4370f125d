"""The JSON files of the NDS release: over 100,000 models trained on CIFAR-10 and ImageNet.

Source: Radosavovic et al. 2019 (arXiv 1905.13214) and its repository. A file is a list of records with ``net``,
``optim``, ``params``, ``flops``, ``min_test_top1`` and ``test_ep_top1``; errors are percentages.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from regnas.architecture import Architecture
from regnas.costs import complexity_of
from regnas.search_spaces.cells.formats.nds import network_of as cells_of
from regnas.search_spaces.staged.formats.nds import network_of as stages_of
from regnas.search_spaces.staged.nds import CIFAR
from regnas.studies.populations.population import Population, PopulationError, from_arrays
from regnas.system.reading import read_json

MARK = "NDS errors are the smallest TEST error over all epochs, and its flops count more than ours"
_OTHER_PARAMS = "{} of {} records have other params than what they describe, and are without an architecture"

Record = Mapping[str, Any]


def read_nds(path: Path, name: str | None = None) -> Population:
    """A sweep of the NDS release as a population.

    Its error is ``min_test_top1``, the only one the paper uses; the population is marked with what that is. A record's
    network is known where it has the params that the record says; flops say nothing, as the release's count more. The
    files ``..._reruns.json`` are selections of a space's best and middling models, no random sample, and are refused.

    Args:
        path: say ``ResNet.json``.
        name: what to call it; the file's name unless said.

    Raises:
        PopulationError: not a file of this format.
    """
    records = read_json(path, PopulationError)
    if isinstance(records, dict) and set(records) == {"top", "mid"}:
        raise PopulationError(f"{path} holds reruns of chosen models (top, mid): no random sample of a space")
    if not isinstance(records, list) or not records or not all(isinstance(one, dict) for one in records):
        raise PopulationError(f"{path} is no NDS file: it is not a list of records")
    for place, record in enumerate(records):
        if missing := {"net", "min_test_top1"} - set(record):
            raise PopulationError(f"{path} is no NDS file: record {place} has no {', '.join(sorted(missing))}")
    try:
        return _population(name or path.stem, records, imagenet=path.stem.endswith("_in"))
    except PopulationError:
        raise
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
        raise PopulationError(f"{path} is no NDS file: a record is of another kind ({error})") from error


def _population(name: str, records: list[Record], *, imagenet: bool) -> Population:
    curves = [record.get("test_ep_top1") or [] for record in records]
    length = max(map(len, curves))
    table = np.full((len(records), 1, length), np.nan)
    for row, curve in zip(table[:, 0], curves, strict=True):
        row[: len(curve)] = np.asarray(curve, dtype=np.float64) / 100
    # Networks for ImageNet have another stem and head, which the records do not describe.
    networks = [None if imagenet else _network_of(record["net"]) for record in records]
    agree = [one is None or _agree(one, record) for one, record in zip(networks, records, strict=True)]
    settings = {"data": "NDS ImageNet"} if imagenet else {"data": "NDS CIFAR-10", "images": CIFAR.to_json()}
    return from_arrays(
        name,
        _column(records, "min_test_top1") / 100,
        curves=table,
        flops=_column(records, "flops"),
        params=_column(records, "params"),
        seeds=np.array([[int(-1 if record.get("rng_seed") is None else record["rng_seed"])] for record in records]),
        architectures=tuple(one.to_json() if one and good else None for one, good in zip(networks, agree, strict=True)),
        values=_values([record["net"] for record in records], [record.get("optim", {}) for record in records]),
        settings={**settings, "recipe": _recipe(records)},
        marks=(MARK, *([] if all(agree) else [f"{name}: {_OTHER_PARAMS.format(agree.count(False), len(agree))}"])),
    )


def _recipe(records: list[Record]) -> dict[str, Any]:
    """The recipe that all models share; a sweep of learning rates varies it from model to model."""
    found: dict[str, Any] = {}
    for key, name in (("base_lr", "learning_rate"), ("wd", "weight_decay"), ("max_ep", "epochs")):
        values = {(record.get("optim") or {}).get(key) for record in records} - {None}
        if values:
            found[name] = values.pop() if len(values) == 1 else "varied"
    return found


def _column(records: list[Record], key: str) -> Any:
    return np.array([float("nan" if record.get(key) is None else record[key]) for record in records])


def _network_of(net: Record) -> Architecture | None:
    """The network of a record that this release can build."""
    return cells_of(net) if "genotype" in net else stages_of(net)


def _agree(network: Architecture, record: Record) -> bool:
    """Whether a network has the params that its record says, if it says any."""
    said = record.get("params")
    return said is None or complexity_of(network, CIFAR.resolution).params == said


# As the parameters of the spaces are called; the release's multipliers are one over the bottleneck ratios.
_LISTS = {"ds": "depth", "ws": "width", "bot_muls": "bottleneck_ratio", "num_gs": "groups"}


def _values(nets: list[Record], optims: list[Record]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, called in _LISTS.items():
        lists = [net.get(key) or [] for net in nets]
        same = len({len(one) for one in lists}) == 1 and len(lists[0]) > 1
        if same and all(isinstance(entry, int | float) and entry > 0 for one in lists for entry in one[1:]):
            for stage in range(1, len(lists[0])):
                numbers = np.array([float(one[stage]) for one in lists])
                found[f"{called}_{stage}"] = 1 / numbers if key == "bot_muls" else numbers
    for key in ("depth", "width"):
        if all(isinstance(net.get(key), int | float) for net in nets):
            found[key] = np.array([float(net[key]) for net in nets])
    for key in ("base_lr", "wd"):
        column = [optim.get(key) for optim in optims]
        rates = {value for value in column if isinstance(value, int | float)}
        if len(rates) > 1 and all(isinstance(value, int | float) for value in column):
            found[key] = np.array([float(value) for value in column if value is not None])
    return found
