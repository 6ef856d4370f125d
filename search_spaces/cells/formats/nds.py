"""Networks of cells in the records of the NDS release, and in a JSON file of such records.

Source: Radosavovic et al. 2019 (arXiv 1905.13214) and its repository: ``net`` of a record holds the genotype, depth and
width. Records are of CIFAR-10.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from regnas.errors import InvalidArchitecture, UsageError
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.formats.shared import check_stem_and_classes, network, pairs, reading
from regnas.system.reading import read_bytes, read_json

_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_LOOKED_AT = 4096  # bytes of a file's beginning, in which a record's genotype begins


class Records:
    """A record, or a list of records, in a JSON file."""

    kinds = ("cells",)
    sources = "a .json of NDS's records of cells"

    def write(self, architecture: Cells, params: Mapping[str, Any]) -> str:
        check_stem_and_classes(architecture, "a record of NDS")
        one = architecture
        genotype = dict(
            zip(_FIELDS, (pairs(one.normal), one.normal.concat, pairs(one.reduce), one.reduce.concat), strict=True)
        )
        net = {"genotype": genotype, "depth": one.depth, "width": one.width, "aux": False, "drop_prob": 0.0}
        return json.dumps([{"net": net}]) + "\n"

    def recognises(self, source: str) -> bool:
        path = Path(source)
        if path.suffix != ".json" or not path.is_file():
            return False
        begins = read_bytes(path)[:_LOOKED_AT]
        return begins.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[" and b'"genotype"' in begins

    def read(self, source: str) -> Sequence[Cells]:
        records = read_json(Path(source), UsageError)
        found = []
        for number, record in enumerate(records if isinstance(records, list) else [records], 1):
            net = record.get("net", record) if isinstance(record, Mapping) else None
            if not isinstance(net, Mapping) or not isinstance(net.get("genotype"), Mapping):
                raise UsageError(f"record {number} of {source} has no genotype: it is none of NDS's records of cells")
            with reading(f"record {number} of {source}"):
                found.append(_network(net))
        if not found:
            raise UsageError(f"{source} holds no records")
        return found


def _network(net: Mapping[str, Any]) -> Cells:
    genotype = net["genotype"]
    lists = {name: genotype.get(name) for name in _FIELDS}
    return network(**lists, width=net.get("width"), depth=net.get("depth"))


def network_of(net: Mapping[str, Any]) -> Cells | None:
    """The network of a record's ``net`` where it describes one of cells that this release can build."""
    if not isinstance(net.get("genotype"), Mapping):
        return None
    try:
        return _network(net)
    except InvalidArchitecture:
        return None
