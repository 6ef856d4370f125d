#!/usr/bin/env bash
# PyHopper 1.2.3: widths of a space, pyhopper.int with multiple_of=8 or power_of=2, and bounds that are none themselves.
#
# Guess: every width is a multiple (a power of two) between the bounds, as the docstring says that multiple_of enforces.
# Seen: the bounds themselves come out, which are neither. Values are rounded first and clipped to the bounds after: 20
# to 100 by eights also gives 100, int(6, 64, power_of=2) gives 6 for a fifth of all. The search keeps them as its best.
# Nothing warns. Bounds that obey the rule are safe.
# For a user of NAS: a bound that comes from a budget or from a parent's width (100, 6) puts widths into the study that
# no group of 8 divides: grouped convolutions fail in some trials only, and latencies are not those of whole tiles.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps pyhopper==1.2.3 numpy==2.3.5 \
    tqdm==4.70.1 packaging==26.4
cd "$work"
cat > widths.py <<'P'
import contextlib
import io

import pyhopper


def best(space, better):
    with contextlib.redirect_stdout(io.StringIO()):
        search = pyhopper.Search(width=space)
        return search.run(lambda network: network["width"], better, steps=400, quiet=True)["width"]


for bounds, better in {(16, 96): "max", (20, 100): "max"}.items():
    search = pyhopper.Search(width=pyhopper.int(*bounds, multiple_of=8))
    drawn = sorted({search.sample_solution()["width"] for _ in range(4000)})
    wrong = [width for width in drawn if width % 8] or "none"
    print(f"{bounds}, multiple of 8: {drawn}, not so: {wrong}")
    print(f"  {better}: {best(pyhopper.int(*bounds, multiple_of=8), better)}")
for bounds, better in {(8, 64): "min", (6, 64): "min", (10, 100): "min"}.items():
    search = pyhopper.Search(width=pyhopper.int(*bounds, power_of=2))
    drawn = sorted({search.sample_solution()["width"] for _ in range(4000)})
    wrong = [width for width in drawn if width & (width - 1)] or "none"
    print(f"{bounds}, power of 2: {drawn}, not so: {wrong}")
    print(f"  {better}: {best(pyhopper.int(*bounds, power_of=2), better)}")
P
"$work/venv/bin/python" widths.py > seen
cat seen
diff - seen <<'O'
(16, 96), multiple of 8: [16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96], not so: none
  max: 96
(20, 100), multiple of 8: [24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 100], not so: [100]
  max: 100
(8, 64), power of 2: [8, 16, 32, 64], not so: none
  min: 8
(6, 64), power of 2: [6, 8, 16, 32, 64], not so: [6]
  min: 6
(10, 100), power of 2: [10, 16, 32, 64], not so: [10]
  min: 10
O
