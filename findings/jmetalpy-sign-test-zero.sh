#!/usr/bin/env bash
# jMetalPy 1.9.0, jmetal.lab.statistical_test.functions.sign_test: two methods on a few problems.
#
# Guess: the two-sided p-value of the sign test, that of scipy.stats.binomtest(wins, problems).
# Seen: another one, always smaller: 1 - F(wins) of the binomial law is the chance of more wins than were seen, and the
# wins that were seen are left out. Whoever wins every problem gets p = 0, be it of one problem (1) or of three (0.25);
# 8 of 10 are significant at 0.05 (0.109). Two methods that are alike are called different on ten problems with a chance
# of 0.109, where the test promises at most 0.05 and its own law gives 0.021.
# For a user of NAS: a better search on 8 of 10 benchmarks is no evidence at 0.05, whatever this test prints.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps jmetalpy==1.9.0 \
    numpy==2.3.5 pandas==2.3.3 scipy==1.17.1 python-dateutil==2.9.0.post0 pytz==2026.6 six==1.17.0 tzdata==2026.6
cd "$work"
cat > signs.py <<'P'
import numpy as np
from jmetal.lab.statistical_test.functions import sign_test
from scipy.stats import binom, binomtest


def seen(wins, problems):
    data = np.column_stack([np.arange(problems) < wins, np.arange(problems) >= wins]).astype(float)
    return float(sign_test(data).loc["p-value", "Results"])


for wins, problems in [(1, 1), (3, 3), (5, 5), (5, 10), (7, 10), (8, 10), (9, 10), (15, 20)]:
    right = binomtest(wins, problems).pvalue
    print(f"{wins} of {problems}: p {seen(wins, problems):.4f}, binomial test {right:.4f}")
law = binom(10, 0.5).pmf(range(11))
for name, test in {"p": seen, "binomial test": lambda wins, problems: binomtest(wins, problems).pvalue}.items():
    alarms = sum(chance for wins, chance in enumerate(law) if test(wins, 10) <= 0.05)
    print(f"{name}: coins on ten problems differ at 0.05 with chance {alarms:.4f}")
P
"$work/venv/bin/python" signs.py > seen
cat seen
diff - seen <<'O'
1 of 1: p 0.0000, binomial test 1.0000
3 of 3: p 0.0000, binomial test 0.2500
5 of 5: p 0.0000, binomial test 0.0625
5 of 10: p 0.7539, binomial test 1.0000
7 of 10: p 0.1094, binomial test 0.3438
8 of 10: p 0.0215, binomial test 0.1094
9 of 10: p 0.0020, binomial test 0.0215
15 of 20: p 0.0118, binomial test 0.0414
p: coins on ten problems differ at 0.05 with chance 0.1094
binomial test: coins on ten problems differ at 0.05 with chance 0.0215
O
