"""Everything that regnas claims to be faster at, against its peers, in one process tree.

    python -m benchmarks [--quick] [--only PART ...]

Each comparison runs both ways in turn, A B, B A, and so on; the median of the ratios counts. A full run takes about
half an hour on two quiet cores, writes benchmarks/results/comparisons.json part by part, and puts table and figure
into docs/benchmarks.md; `--only` measures parts again. `--quick` takes some minutes, prints, and writes nothing.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from benchmarks import machine, record, table

PARTS = ("sampling", "overhead", "training", "workers", "executors", "comparing")
_BUSY = 0.5


def main() -> None:
    """Measure the parts, print each comparison as it is done, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; prints and writes nothing")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    options = parser.parse_args()
    print(machine.describe())
    if (busy := machine.load()) > _BUSY:
        print(f"other work runs on this machine (load {busy:.1f}): wall clock ratios will be off", file=sys.stderr)
    for part in options.only or PARTS:
        found = []
        load = machine.load()
        for one in import_module(f"benchmarks.{part}").comparisons(options.quick):
            print(table.line(one), flush=True)
            found.append(one)
        if not options.quick:
            record.add(part, found, machine.describe(), load)
    if not options.quick:
        known = record.read()
        parts = [(part, known[part]["machine"], record.comparisons_of(known[part])) for part in PARTS if part in known]
        table.write(parts)


if __name__ == "__main__":
    main()
