"""Genotypes as four lists: ``[normal, concat, reduce, concat]``, as in the configurations of NDS's code.

Source: facebookresearch/unnas, ``NAS.CUSTOM_GENOTYPE`` of its YAML, with ``NAS.WIDTH`` and ``NAS.DEPTH``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from regnas.errors import RegnasError, UsageError
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.formats.shared import is_file, network, pairs, reading, text_of

_STEMS = {"cifar10": "cifar", "imagenet": "imagenet"}
_DEFAULTS = {"WIDTH": 16, "DEPTH": 20}  # unnas ``pycls/core/config.py``
_CLASSES = 10


class Configurations:
    """A YAML configuration, or the four lists alone."""

    kinds = ("cells",)
    sources = "unnas:FILE.yaml or unnas:[normal, concat, reduce, concat]"

    def write(self, architecture: Cells, params: Mapping[str, Any]) -> str:
        one = architecture
        lists = [pairs(one.normal), list(one.normal.concat), pairs(one.reduce), list(one.reduce.concat)]
        data = {stem: name for name, stem in _STEMS.items()}[one.stem]
        return (
            f"MODEL:\n  TYPE: nas\n  NUM_CLASSES: {one.classes}\nTRAIN:\n  DATASET: {data}\n"
            f"NAS:\n  GENOTYPE: custom\n  WIDTH: {one.width}\n  DEPTH: {one.depth}\n  CUSTOM_GENOTYPE: {lists}\n"
        )

    def recognises(self, source: str) -> bool:
        return False  # its files look like those of pycls

    def read(self, source: str) -> Sequence[Cells]:
        if Path(source).suffix in (".yaml", ".yml") and not is_file(source):
            raise RegnasError(f"cannot read {source}: there is no such file")
        try:
            config = yaml.safe_load(text_of(source))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise UsageError(f"{source[:60]!r} is not YAML: {' '.join(str(error).split())[:120]}") from error
        if isinstance(config, list):
            config = {"NAS": {"CUSTOM_GENOTYPE": config}}
        nas, model, train = (_section(config, name) for name in ("NAS", "MODEL", "TRAIN"))
        lists = nas.get("CUSTOM_GENOTYPE")
        if not isinstance(lists, list) or len(lists) != 4:
            raise UsageError(f"a genotype of unnas is four lists, {self.sources}; got {source[:60]!r}")
        shape = {name.lower(): nas.get(name, usual) for name, usual in _DEFAULTS.items()}
        stem = _STEMS.get(str(train.get("DATASET", "cifar10")), "cifar")
        with reading("the configuration of unnas"):
            return [network(*lists, **shape, stem=stem, classes=model.get("NUM_CLASSES", _CLASSES))]


def _section(config: Any, name: str) -> Mapping[str, Any]:
    found = config.get(name) if isinstance(config, Mapping) else None
    return found if isinstance(found, Mapping) else {}
