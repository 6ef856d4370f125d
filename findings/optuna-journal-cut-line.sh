#!/usr/bin/env bash
# Optuna 5.0.0, JournalFileBackend: a journal whose last line was cut off while it was written.
#
# Guess: what was cut off is lost, and the study goes on.
# Seen: the study can be loaded, as the rest of the cut line is passed over. Opening it to go on writes an entry behind
# that rest, on the same line, and fails; from then on it cannot be loaded either.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check optuna==5.0.0
cd "$work"
cat > step.py <<'P'
import sys

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.ERROR)
storage = JournalStorage(JournalFileBackend("study.journal"))
if sys.argv[1] == "load":
    study = optuna.load_study(storage=storage, study_name="s")
else:
    study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
print(f"{len(study.trials)} trials")
P
say() { echo "$1: $("$work/venv/bin/python" -W ignore step.py "$2" 2>&1 | tail -n 1 | cut -d: -f1)"; }
{
    say "made" "go on"
    truncate --size=-5 study.journal # as a full disk or a power cut leaves it
    say "cut, loaded" load
    say "opened to go on" "go on"
    say "loaded again" load
} > seen
cat seen
diff - seen <<'O'
made: 2 trials
cut, loaded: 2 trials
opened to go on: json.decoder.JSONDecodeError
loaded again: json.decoder.JSONDecodeError
O
