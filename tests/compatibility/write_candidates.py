"""Write ``data/candidates.json``: run it at the commit that others are compared with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from test_candidates import SHOWN, digest_of, rows_of

OUTPUT = Path(__file__).parent / "data" / "candidates.json"
TABLE = "table:recorded:fashion-mnist/regnetx"
NAMED = (
    *("anynetx-a", "anynetx-b", "anynetx-c", "anynetx-d", "anynetx-e"),
    *("nasbench201", "regnetx", "regnetx-constrained", "regnetx-pycls", "regnety", TABLE),
)
DERIVED = (
    "regnetx[wm=2,depth=12:20]",
    "regnetx[w0=wa]",
    "regnetx[group_width=8|16]",
    "regnetx[bottleneck_ratio=0.25]",
    "regnetx[group_width=1]",
    "regnetx[block=vr,se=0.25]",
    "regnetx[stages=5,depth=12:20,wm=2]",
    "regnety[activation=silu,head_width=64,stem=resnet]",
    "anynetx-a[stages=3,strides=1-2-2,stem=cifar,stem_width=16]",
    "anynetx-c[width=:512,depth_4=1:4]",
    "anynetx-d[width_1=64]",
    "anynetx-e[block=basic,stages=3]",
    "anynetx-e[last_depth=free]",
    "nasbench201[cells=2,width=8]",
)
WINDOWS = {"open": (), "flops": (4,), "params": (5,), "acts": (6,), "all": (4, 5, 6)}  # columns of a row
BOUNDS = {4: "flops", 5: "params", 6: "acts"}
# What the default tests look at, also of derived spaces: these windows, and of each two versions with a seed.
LOOKED_AT = {(224, "open"), (224, "flops"), (32, "params"), (32, "acts"), (224, "all")}
PAIRS = {True: {(1, 1), (2, 0)}, False: {(1, 0), (2, 0)}}  # without a window most spaces have one stream
FEW = "regnetx[depth=8,w0=48,wm=2.5,bottleneck_ratio=1,group_width=8]"  # most draws repeat a network


def cases_of(text: str) -> Iterator[dict[str, Any]]:
    """The cases of a space over resolutions, windows, versions and seeds, without what is found."""
    small = text == TABLE  # 100 networks
    for resolution, (name, columns) in product((224, 32), WINDOWS.items()):
        base: dict[str, Any] = {"space": text, "resolution": resolution, "classes": 1000 if resolution == 224 else 10}
        base |= {"window": {}, "duplicates": "reject", "count": 20 if small else 1000}
        probe = rows_of({**base, "version": 1, "seed": 7, "count": 100 if small else 1000})
        share = (0.2, 0.8) if small or name == "all" else (0.4, 0.6)
        limits = {column: np.quantile([row[column] for row in probe], share) for column in columns}
        base["window"] = {BOUNDS[column]: f"{int(low)}:{int(high)}" for column, (low, high) in limits.items()}
        for pair in product((1, 2), (0, 1)):
            shown = (resolution, name) in LOOKED_AT and pair in PAIRS[not columns]
            if shown or text in NAMED:
                yield {**base, "version": pair[0], "seed": pair[1], "shown": shown}


def further() -> Iterator[dict[str, Any]]:
    """Narrow windows, and networks that are drawn again."""
    base: dict[str, Any] = {"resolution": 224, "classes": 1000, "window": {}, "count": 1000, "shown": True, "seed": 0}
    for version, text in product((1, 2), ("anynetx-e", "regnetx", "regnetx-pycls", "regnety")):
        where = {"space": text, "window": {"flops": "360M:400M"}, "version": version, "duplicates": "reject"}
        yield {**base, **where, "count": 300}
    for version, duplicates, text in product((1, 2), ("allow", "reuse"), (FEW, "nasbench201", TABLE)):
        yield {**base, "space": text, "version": version, "duplicates": duplicates}


def main() -> None:
    cases = [*(case for text in NAMED + DERIVED for case in cases_of(text)), *further()]
    for case in cases:
        rows = rows_of(case)
        assert len(rows) == case["count"]
        shown = case.pop("shown")
        case["sha256"] = digest_of(rows)
        if shown:
            case["first"] = rows[:SHOWN]
    OUTPUT.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
