#!/usr/bin/env bash
# mlxtend 0.25.0, evaluate.mcnemar as it is by default: two networks that predict the same class for every picture.
#
# Guess: p = 1, or not a number: not one picture speaks for either of them.
# Seen: p = 0.0 and a statistic of infinity, the strongest verdict there is, beside 1.0 where one picture differs. The
# continuity correction turns the zero pictures that differ into one, which is divided by zero; only numpy's
# RuntimeWarning goes to stderr. corrected=False gives not a number, exact=True gives 1.0; cochrans_q not a number.
# For a user of NAS: a network and its int8 file or its ONNX file that agree on all pictures of a small test set "differ
# significantly", and so do two searches that end in one network; exact=True is right for any number.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps mlxtend==0.25.0 \
    numpy==2.3.5 pandas==2.3.3 scipy==1.17.1 scikit-learn==1.9.1 joblib==1.6.0 cloudpickle==3.1.3 loky==3.7.0 \
    threadpoolctl==3.8.0 narwhals==2.29.0 python-dateutil==2.9.0.post0 pytz==2026.6 six==1.17.0 tzdata==2026.6 \
    matplotlib==3.11.2 contourpy==1.3.3 cycler==0.12.1 fonttools==4.68.0 kiwisolver==1.5.1 pillow==13.0.0 \
    pyparsing==3.3.3 packaging==26.4
cd "$work"
cat > same.py <<'P'
import warnings

import numpy as np
from mlxtend.evaluate import cochrans_q, mcnemar, mcnemar_table

labels = np.arange(1000) % 10
first = np.where(np.arange(1000) < 80, (labels + 1) % 10, labels)
for differing in (0, 1, 2, 12):
    second = first.copy()
    second[:differing] = labels[:differing]  # pictures that only the second network gets right
    table = mcnemar_table(labels, first, second)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        default, plain, exact = mcnemar(table), mcnemar(table, corrected=False), mcnemar(table, exact=True)
        many = cochrans_q(labels, first, second)
    results = {"default": default, "uncorrected": plain, "exact": exact, "Cochran's Q": many}
    values = (f"{name} {float(result[1]):.4f}" for name, result in results.items())
    print(f"{differing} of 1000 differ: p {', '.join(values)}; statistic {float(default[0]):.4f}")
    messages = {str(warning.message).split(" encountered")[0] for warning in caught}
    print("  warned of:", *(sorted(messages) or ["nothing"]))
P
"$work/venv/bin/python" same.py > seen
cat seen
diff - seen <<'O'
0 of 1000 differ: p default 0.0000, uncorrected nan, exact 1.0000, Cochran's Q nan; statistic inf
  warned of: divide by zero invalid value
1 of 1000 differ: p default 1.0000, uncorrected 0.3173, exact 1.0000, Cochran's Q 0.3173; statistic 0.0000
  warned of: nothing
2 of 1000 differ: p default 0.4795, uncorrected 0.1573, exact 0.5000, Cochran's Q 0.1573; statistic 0.5000
  warned of: nothing
12 of 1000 differ: p default 0.0015, uncorrected 0.0005, exact 0.0005, Cochran's Q 0.0005; statistic 10.0833
  warned of: nothing
O
