#!/usr/bin/env bash
# jMetalPy 1.9.0, jmetal.lab.statistical_test: one method against several, p-values adjusted by Hochberg's procedure.
#
# Guess: the least of the later p-values times their factors, as in statsmodels' "simes-hochberg" and R's p.adjust, and
# so never above Holm's, as Hochberg's procedure rejects whatever Holm's does.
# Seen: the greatest of them. The smallest p-value gets the largest adjusted one: one clear difference (0.001) beside
# one that is none (0.5) is 0.5, where Holm's is 0.003. friedman_ph_test(apv_procedure="Hochberg") hands it on: a method
# that is last on all of 16 problems is not told from the first. Nothing warns; Holm's is right.
# For a user of NAS: two searches of equal strength in the comparison hide that a third is worse; take Holm's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps jmetalpy==1.9.0 \
    numpy==2.3.5 pandas==2.3.3 scipy==1.17.1 python-dateutil==2.9.0.post0 pytz==2026.6 six==1.17.0 tzdata==2026.6
cd "$work"
cat > adjust.py <<'P'
import numpy as np
from jmetal.lab.statistical_test.apv_procedures import hochberg, holm
from jmetal.lab.statistical_test.functions import friedman_ph_test


def by_definition(values):
    factors = np.arange(len(values), 0, -1)
    return [min(1, *(values[i:] * factors[i:])) for i in range(len(values))]


def show(name, adjusted):
    print(f"  {name}: {', '.join(f'{value:.4f}' for value in np.ravel(adjusted))}")


for values in ([0.001, 0.04, 0.5], [0.01, 0.02, 0.03], [0.0001, 0.9]):
    print("p-values", *values)
    row = np.array([[1.0, *values]])  # the control against itself comes first
    show("Hochberg", hochberg(row, 0))
    show("by definition", by_definition(np.array(values)))
    show("Holm", holm(row, 0))

ranks = np.array([[1, 2, 3, 4], [2, 1, 3, 4], [3, 2, 1, 4], [1, 3, 2, 4]] * 4)
_, _, adjusted = friedman_ph_test(ranks, control=0, apv_procedure="Hochberg")
print("16 problems, method 3 last on each, against method 0")
for name, value in adjusted["Hochberg"].items():
    print(f"  {name}: Hochberg {value:.4f}")
_, _, adjusted = friedman_ph_test(ranks, control=0, apv_procedure="Holm")
for name, value in adjusted["Holm"].items():
    print(f"  {name}: Holm {value:.4f}")
P
"$work/venv/bin/python" -W ignore adjust.py > seen
cat seen
diff - seen <<'O'
p-values 0.001 0.04 0.5
  Hochberg: 0.5000, 0.5000, 0.5000
  by definition: 0.0030, 0.0800, 0.5000
  Holm: 0.0030, 0.0800, 0.5000
p-values 0.01 0.02 0.03
  Hochberg: 0.0400, 0.0400, 0.0300
  by definition: 0.0300, 0.0300, 0.0300
  Holm: 0.0300, 0.0400, 0.0400
p-values 0.0001 0.9
  Hochberg: 0.9000, 0.9000
  by definition: 0.0002, 0.9000
  Holm: 0.0002, 0.9000
16 problems, method 3 last on each, against method 0
  Alg0 vs Alg3: Hochberg 0.5839
  Alg0 vs Alg2: Hochberg 0.5839
  Alg0 vs Alg1: Hochberg 0.5839
  Alg0 vs Alg3: Holm 0.0000
  Alg0 vs Alg2: Holm 0.5466
  Alg0 vs Alg1: Holm 0.5839
O
