#!/usr/bin/env bash
# PyHopper 1.2.3: a switch of a space with a first guess, pyhopper.bool(True).
#
# Guess: the first network that is evaluated has the switch at the guess, as with pyhopper.int, float and choice, and as
# the docstring of pyhopper.bool has it.
# Seen: it has the other value, for both guesses. The guess is taken for the place in the list of values [True, False],
# where False is 0 and so True, and True is 1 and so False. Nothing warns; the summary calls it the initial solution.
# For a user of NAS: the hand-made network that a search was to start from, and to be compared with, is another one,
# without the skip that its guesses asked for. pyhopper.choice(True, False, init_index=0) starts where it says.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps pyhopper==1.2.3 numpy==2.3.5 \
    tqdm==4.70.1 packaging==26.4
cd "$work"
cat > switch.py <<'P'
import contextlib
import io

import pyhopper


def first(**space):
    evaluated = []

    def accuracy(network):
        evaluated.append(network)
        return 0.5

    with contextlib.redirect_stdout(io.StringIO()) as summary:
        pyhopper.Search(**space).run(accuracy, "max", steps=1, quiet=True)
    assert "Initial solution" in summary.getvalue()
    return evaluated[0]


for guess in (True, False):
    network = first(skip=pyhopper.bool(guess), depth=pyhopper.int(1, 9, init=3), lr=pyhopper.float(0, 1, init=0.25))
    print(f"bool({guess}), 3 and 0.25 for guesses: evaluated first {network}")
for place in (0, 1):
    print(f"choice(True, False, init_index={place}):", first(skip=pyhopper.choice(True, False, init_index=place)))
P
"$work/venv/bin/python" switch.py > seen
cat seen
diff - seen <<'O'
bool(True), 3 and 0.25 for guesses: evaluated first {'skip': False, 'depth': 3, 'lr': 0.25}
bool(False), 3 and 0.25 for guesses: evaluated first {'skip': True, 'depth': 3, 'lr': 0.25}
choice(True, False, init_index=0): {'skip': True}
choice(True, False, init_index=1): {'skip': False}
O
