#!/usr/bin/env bash
# autorank 1.3.0: three strategies by accuracy, with the default order="descending" (larger is better: rank 1).
#
# Guess: rankdf lists the best first, and effect_size is against the best, as latex_table's documentation says
# ("in relation to the best-ranked value").
# Seen: ranks are right, but rows are sorted by falling mean rank: the worst comes first, and every effect size is against
# the worst, of which the table says 0 and "negligible". With order="ascending" and the errors (1 - accuracy) the best is
# first. So the same results give other effect sizes by whether accuracy or error is written down, and
# rankdf.index[0], the obvious "winner", is the loser.
# For a comparison of strategies: give it errors with order="ascending", or read meanrank.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile autorank==1.3.0 numpy==2.4.6 pandas==3.1.1 \
    statsmodels==0.15.0 scipy==1.17.1 matplotlib==3.11.2 baycomp==1.0.3
cd "$work"
cat > order.py <<'P'
import numpy as np
import pandas as pd
from autorank import autorank

rng = np.random.default_rng(0)
gain = {"random": 0.0, "evolution": 0.5, "gp": 2.0}
accuracy = pd.DataFrame({name: 90 + shift + rng.normal(size=20) for name, shift in gain.items()})
for name, data, order in (("accuracy", accuracy, "descending"), ("error", 100 - accuracy, "ascending")):
    ranked = autorank(data, order=order).rankdf
    seen = {key: f"{row.meanrank:.1f} {abs(row.effect_size):.2f} {row.magnitude}" for key, row in ranked.iterrows()}
    print("SEEN", name, seen)
P
MPLBACKEND=agg OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore order.py | grep SEEN > seen
cat seen
diff - seen <<'O'
SEEN accuracy {'random': '2.9 0.00 negligible', 'evolution': '2.0 0.93 large', 'gp': '1.1 2.61 large'}
SEEN error {'gp': '1.1 0.00 negligible', 'evolution': '2.0 1.98 large', 'random': '2.9 2.61 large'}
O
