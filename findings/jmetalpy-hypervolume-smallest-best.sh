#!/usr/bin/env bash
# jMetalPy 1.9.0, jmetal.lab.experiment: fronts on disk, their hypervolumes in a summary, LaTeX tables from the summary.
#
# Guess: the tables shade the larger hypervolume as the best one and mark it as significantly better, as
# HyperVolume().is_minimization is False and the tables have a rule of their own for the hypervolume.
# Seen: the other way round, without a word. The rule knows the indicator as "HV". That is what HyperVolume gives as its
# long name; the summary is written with the short one, "Hypervolume quality indicator", which is taken for an indicator
# to be minimised. The dark cell, the sign and the triangle go to the worst algorithm; "HV" written into the summary by
# hand turns all of them round. The numbers in the cells are right.
# For a user of NAS: fronts of two searches written as FUN.0.tsv, FUN.1.tsv ... and compared with these tables come out
# in reverse order; a table made with this release has to be read by its numbers, not by its shades and signs.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps jmetalpy==1.9.0 moocore==0.3.2 \
    numpy==2.3.5 pandas==2.3.3 scipy==1.17.1 statsmodels==0.15.0 matplotlib==3.11.2 contourpy==1.3.3 cycler==0.12.1 \
    fonttools==4.68.0 kiwisolver==1.5.1 pillow==13.0.0 pyparsing==3.3.3 packaging==26.4 python-dateutil==2.9.0.post0 \
    pytz==2026.6 six==1.17.0 tzdata==2026.6 cffi==2.1.1 pycparser==3.12 platformdirs==4.14.9 tqdm==4.70.1
cd "$work"
cat > tables.py <<'P'
import re
from pathlib import Path

from jmetal.core.quality_indicator import HyperVolume
from jmetal.lab import experiment

SIGNS = (r"\triangledown", "worse"), (r"\blacktriangle", "better")
for name, corner in {"near": 0.1, "far": 0.8}.items():  # both objectives minimised; the reference is (1, 1)
    folder = Path("runs", name, "problem")
    folder.mkdir(parents=True)
    for run in range(6):
        (folder / f"FUN.{run}.tsv").write_text(f"{corner + run / 100} {corner}\n")


def show(summary):
    columns = list(dict.fromkeys(line.split(",")[0] for line in Path(summary).read_text().splitlines()[1:]))
    experiment.generate_latex_tables(summary, "medians")
    experiment.generate_median_and_wilcoxon_latex_tables(summary, "marked")
    experiment.compute_wilcoxon(summary, "pairs")
    (row,) = re.findall(r"textbf\{problem\}(.*)", next(Path("medians").glob("MedianIQR*.tex")).read_text())
    cells = dict(zip(columns, row.split("&")[1:], strict=True))
    for name in ("near", "far"):
        shade = "best" if "gray95" in cells[name] else "second"
        print(f"  {name}: median {float(re.search(r'[0-9.]+e[-+][0-9]+', cells[name])[0])}, shaded as {shade}")
    first, last = columns
    (row,) = re.findall(r"textbf\{problem\}(.*)", next(Path("marked").glob("*.tex")).read_text())
    sign = re.search(r"\)(.)\}", row)[1]
    print(f"  {first} against {last}: {'better' if sign == '+' else 'worse' if sign == '-' else 'equal'}", end="")
    pairs = next(Path("pairs").glob("*.tex")).read_text()
    print(f", in the other table {next(word for sign, word in SIGNS if sign in pairs)}")


indicator = HyperVolume([1.0, 1.0])
print(f"{indicator.get_name()!r}, {indicator.get_short_name()!r}, to be minimised: {indicator.is_minimization}")
experiment.generate_summary_from_experiment("runs", [indicator])
summary = Path("QualityIndicatorSummary.csv")
header, *lines = summary.read_text().splitlines()
summary.write_text("\n".join([header, *sorted(lines, reverse=True)]) + "\n")  # as the order of folders is the disk's
print("as the summary is written:")
show(str(summary))
summary.write_text(summary.read_text().replace(indicator.get_short_name(), "HV"))
print("the same summary with HV for the name:")
show(str(summary))
P
"$work/venv/bin/python" -W ignore tables.py 2> messages > seen || { cat messages; exit 1; }
cat seen
diff - seen <<'O'
'HV', 'Hypervolume quality indicator', to be minimised: False
as the summary is written:
  near: median 0.788, shaded as second
  far: median 0.035, shaded as best
  near against far: worse, in the other table worse
the same summary with HV for the name:
  near: median 0.788, shaded as best
  far: median 0.035, shaded as second
  near against far: better, in the other table better
O
