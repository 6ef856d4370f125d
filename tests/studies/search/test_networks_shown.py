"""How a search shows networks of any kind: while it runs, at its end, and when one is described."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import regnas
from regnas.describe import Summary, summary
from regnas.evaluator import Result
from regnas.search_spaces.cells.nasbench201.architecture import NASBench201
from regnas.studies.run.progress import Lines
from regnas.studies.search.report.printed import print_search
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]
Run = Callable[..., tuple[int, str, str]]
CELL = ("nor_conv_3x3", "nor_conv_3x3", "skip_connect", "nor_conv_1x1", "avg_pool_3x3", "none")
POINT = json.dumps(dict(zip(("op_01", "op_02", "op_12", "op_03", "op_13", "op_23"), CELL, strict=True)))
STRING = "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|none~2|"


def printed(act: Callable[[Console], None], width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    act(console)
    written: Any = console.file
    return str(written.getvalue())


def final(result: SearchResult, width: int) -> str:
    return printed(lambda console: print_search(console, result, retrained=False, storage="sqlite:///x.db"), width)


def progress(space: str, width: int) -> tuple[str, str]:
    """A candidate of a space, as a line of progress, and what it says of itself."""
    (candidate,) = regnas.space(space).sample(1)
    result = Result(error=0.25, seconds=1.0)
    text = printed(lambda console: Lines(console).ended(0, candidate, result), width)
    return text, summary(candidate.architecture).line


@pytest.mark.parametrize("width", [60, 80, 160])
def test_progress_and_the_final_table_print_a_cell_alike_and_unbroken(fast_search: Search, width: int) -> None:
    result = fast_search(3, space="nasbench201", pareto=["params"])
    shown = final(result, width)
    for row in result.rows:
        line = summary(row["architecture"]).line
        assert line.count("~") == 6 and line in shown
    assert "  cell " in shown.splitlines()[1]
    text, line = progress("nasbench201", width)
    assert line in text and line.count("|") == 9


def test_a_kind_without_views_prints_alike_in_progress_and_in_the_final_table(
    fast_search: Search, without_views: None
) -> None:
    result = fast_search(2, space="nasbench201")
    shown = final(result, 160)
    for row in result.rows:
        ops = " ".join(map(str, row["architecture"]["ops"]))
        assert f"nasbench201: {ops}, 5, 16" in shown
    assert shown.splitlines()[1].rstrip().endswith("network")
    text, line = progress("nasbench201", 160)
    assert line.startswith("nasbench201: ") and line in text


def test_what_a_line_holds_is_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NASBench201, "summary", lambda self: Summary(line="[red]conv[/red] :boom: [8]"))
    text, line = progress("nasbench201", 160)
    assert line in text


def test_the_headline_says_what_the_networks_see() -> None:
    assert regnas.space("nasbench201", resolution=28).sees() == "stages see 28, 14, 7 px"
    assert regnas.space("regnetx", resolution=28).sees() == "stem and stages see 14, 7, 4, 2, 1 px"


def test_a_cell_is_described_by_names_at_its_own_resolution(regnas_command: Run) -> None:
    code, output, _ = regnas_command("describe", "--space", "nasbench201", "--params", POINT)
    assert code == 0 and "nasbench201 network: classes 10, cells 5, width 16\n" in output
    assert f"\n{STRING}\n" in output and "   3  nor_conv_1x1  avg_pool_3x3    none" in output
    assert "    3      5     64      8 x 8" in output and "at 32 px: flops 82,494,090  params 587,386" in output


def test_a_file_of_a_cell_alone_is_described_at_32_pixels(regnas_command: Run, tmp_path: Path) -> None:
    (tmp_path / "cell.json").write_text(json.dumps({"kind": "nasbench201", "ops": [3, 3, 1, 2, 4, 0]}))
    assert "at 32 px" in regnas_command("describe", "--architecture", "cell.json")[1]
    assert "at 16 px" in regnas_command("describe", "--architecture", "cell.json", "--resolution", 16)[1]


def test_a_cell_is_drawn(regnas_command: Run, tmp_path: Path) -> None:
    words = ("describe", "--space", "nasbench201", "--params", POINT)
    assert regnas_command(*words, "--plot", "cell.svg")[0] == 0
    drawn = (tmp_path / "cell.svg").read_text()
    assert all(f"<!-- {operation} -->" in drawn for operation in CELL) and drawn.count('id="patch_') > 6


def test_a_kind_without_views_is_described_by_its_values_and_has_no_plot(
    regnas_command: Run, without_views: None
) -> None:
    words = ("describe", "--space", "nasbench201", "--params", POINT)
    assert "nasbench201 network: ops [3, 3, 1, 2, 4, 0], classes 10, cells 5, width 16" in regnas_command(*words)[1]
    code, _, error = regnas_command(*words, "--plot", "cell.png")
    assert code == 2 and "a nasbench201 has no profile and no method draw" in error
