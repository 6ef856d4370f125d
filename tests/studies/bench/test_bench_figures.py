"""Figures and page of a benchmark: they show the numbers of the analysis, whole and readable."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg

from regnas.errors import RegnasError
from regnas.sampling import keyed
from regnas.statistics.anytime import random_search_without_noise
from regnas.statistics.ranks import cliques
from regnas.studies.bench.analysis import analyse_space, combine
from regnas.studies.bench.figures import files
from regnas.studies.bench.figures.anytime import EXACT, anytime
from regnas.studies.bench.figures.finals import finals
from regnas.studies.bench.figures.gains import gains, matrix
from regnas.studies.bench.figures.ranks import ranks
from regnas.studies.bench.report.html import report
from regnas.studies.bench.results import Benchmark, SpaceResult, TableFacts
from regnas.studies.bench.rules import BenchRules
from regnas.studies.bench.running.runs import Run
from regnas.studies.reporting import html, style
from regnas.studies.search.identity import folder_name

STRATEGIES = ("random", "evolution", "tpe")
ODD = ("random", "gp[kernel=$x_1$]", "predictor[acquisition=thompson,candidates=mutations,members=12]", "<b>é</b>")


def _run(space: str, strategy: str, seed: int, rules: BenchRules, skill: float, repeats: bool) -> Run:
    """A search that made up its networks: the better the higher ``skill`` is."""
    rng = keyed.generator("made-up run", space, strategy, seed)
    luck = rng.random(rules.budget) ** (1 + skill * np.log2(1 + np.arange(rules.budget) / 5))
    networks = np.sort(np.floor(luck * 900)) if not repeats else np.floor(luck * 900)
    names = [f"{int(one)}" if repeats else f"{int(one)}-{place}" for place, one in enumerate(networks)]
    score = 0.08 + 0.15 * networks / 900
    seconds = 60 + 2000 * rng.random(rules.budget)
    return Run(
        strategy=strategy,
        seed=seed,
        networks=tuple(names),
        signal=score + rng.normal(0, 0.002, size=rules.budget),
        score=score,
        started=np.cumsum(seconds) - seconds,
        ended=np.cumsum(seconds),
        epochs=np.full(rules.budget, 12),
        whole=np.ones(rules.budget, dtype=np.bool_),
        proposal_seconds=0.5,
    )


def _space(
    name: str, rules: BenchRules, strategies: Sequence[str] = STRATEGIES, *, repeats: bool = True, facts: bool = True
) -> SpaceResult:
    runs = {
        one: [_run(name, one, seed, rules, place / 3, repeats) for seed in rules.seeds]
        for place, one in enumerate(strategies)
    }
    found = analyse_space(runs, rules, space=name, evaluator="table:made-up", window="", table=None)
    if not facts:
        return found
    score = 0.08 + 0.15 * np.arange(900) / 900
    exact = random_search_without_noise(score, np.arange(1, rules.budget + 1))
    known = TableFacts(
        "made-up", 900, True, "one training", "mean of 3", 0.08, 0.0805, float(score.mean()), exact, {"most flops": 0.1}
    )
    return replace(found, facts=known)


@pytest.fixture(scope="module")
def bench() -> Benchmark:
    rules = BenchRules(budget=120, repeats=12)
    return combine(
        "made up", [_space("first", rules), _space("second", rules, facts=False)], rules, {"machine": "here"}
    )


@pytest.fixture(scope="module")
def one(bench: Benchmark) -> SpaceResult:
    return bench.spaces[0]


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    """As the figures are drawn; whatever matplotlib warns of, such as a letter that no font has, fails."""
    with rc_context(style.RC), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def _lines(axes: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in axes.get_lines() if not line.get_label().startswith("_")}


def _texts(figure: Any) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def _flat(axes: Any, height: float) -> bool:
    """Whether a line across the axes lies there."""
    return any(np.allclose(line.get_ydata(), height) for line in axes.get_lines() if len(line.get_ydata()) == 2)


def test_anytime_curves_are_the_means_with_their_intervals(one: SpaceResult) -> None:
    axes = anytime(one).axes[0]
    lines = _lines(axes)
    assert list(lines) == [*STRATEGIES, EXACT]
    for strategy, area in zip(one.strategies, axes.collections, strict=True):
        assert lines[strategy.name].get_xdata().tolist() == list(range(1, 121))
        assert lines[strategy.name].get_ydata() == pytest.approx(100 * strategy.curve.mean)
        ends = area.get_paths()[0].vertices[:, 1]
        assert ends.min() == pytest.approx(100 * strategy.curve.low.min())
        assert ends.max() == pytest.approx(100 * strategy.curve.high.max())
    assert one.facts is not None
    assert lines[EXACT].get_ydata() == pytest.approx(100 * one.facts.random)


def test_anytime_curves_show_the_optimum_and_the_ceiling_and_end_at_the_budget(one: SpaceResult) -> None:
    figure = anytime(one)
    for axes in figure.axes:
        assert _flat(axes, 8.0) and _flat(axes, 8.05)
        assert axes.get_ylim()[0] < 8.0 and axes.get_xscale() == "log"
    assert _texts(figure) == ["optimum 8.00%", "ceiling 8.05%"]
    assert figure.axes[0].get_xlim()[1] == 120
    assert "first on made-up\nmeans of 12 runs" in figure.axes[0].get_title(loc="left")


def test_anytime_curves_are_against_evaluations_networks_and_time(one: SpaceResult) -> None:
    axes = anytime(one).axes
    assert [each.get_xlabel() for each in axes] == ["evaluations", "different networks", "time (hours)"]
    for strategy in one.strategies:
        found = _lines(axes[1])[strategy.name].get_ydata()
        assert np.array_equal(np.isnan(found), np.isnan(strategy.unique.mean))
        assert found == pytest.approx(100 * strategy.unique.mean, nan_ok=True)
        line = _lines(axes[2])[strategy.name]
        assert line.get_xdata() == pytest.approx(one.times / 3600)
        assert line.get_ydata() == pytest.approx(100 * strategy.clock.mean, nan_ok=True)


def test_without_repeated_networks_and_without_a_table_there_is_less_to_show() -> None:
    space = _space("plain", BenchRules(budget=30, repeats=3), repeats=False, facts=False)
    figure = anytime(space)
    assert [axes.get_xlabel() for axes in figure.axes] == ["evaluations", "time (hours)"]
    assert list(_lines(figure.axes[0])) == list(STRATEGIES) and not _texts(figure)


def test_every_strategy_keeps_its_colour_in_all_figures(one: SpaceResult) -> None:
    for place, name in enumerate(STRATEGIES):
        assert all(_lines(axes)[name].get_color() == style.COLOURS[place] for axes in anytime(one).axes)
    dots = [line for line in finals(one).axes[0].get_lines() if line.get_marker() == "o"]
    assert [line.get_color() for line in dots] == list(style.COLOURS[:3])


def test_the_diagram_of_ranks_names_every_strategy_at_its_rank(bench: Benchmark) -> None:
    found, critical = bench.ranks, bench.critical
    assert found is not None and critical is not None
    figure: Any = ranks(bench)
    texts = [text.strip() for text in _texts(figure)]
    assert {f"{name}  {rank:.2f}" for name, rank in zip(STRATEGIES, found.ranks, strict=True)} <= set(texts)
    assert f"CD {critical:.2f}" in texts and {"1", "2", "3"} <= set(texts)
    assert "over 2 spaces" in figure.texts[0].get_text()
    bars = [line.get_xdata() for line in figure.axes[0].get_lines() if line.get_linewidth() == 3]
    groups = [found.ranks[list(group)] for group in cliques(found.ranks, critical)]
    assert [(bar[0], bar[-1]) for bar in bars] == [
        pytest.approx((group.min(), group.max()), abs=0.1) for group in groups
    ]
    (ruler,) = [line for line in figure.axes[0].get_lines() if line.get_marker() == "|"]
    assert np.ptp(ruler.get_xdata()) == pytest.approx(critical)


def test_names_start_at_their_rank_and_do_not_lie_over_each_other() -> None:
    rules = BenchRules(budget=20, repeats=5)
    names = ("random", "a", "b", "c", "d", "e", "f", "g")
    benchmark = combine("many", [_space("first", rules, names)], rules, {})
    figure: Any = ranks(benchmark)
    assert benchmark.ranks is not None and "over 5 seeds" in figure.texts[0].get_text()
    joins = [line.get_xdata()[0] for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 3]
    assert sorted(joins) == pytest.approx(sorted(benchmark.ranks.ranks))
    labels = [text for text in figure.axes[0].texts if re.search(r"  \d\.\d\d", text.get_text())]
    heights: dict[str, list[float]] = {}
    for text in labels:
        heights.setdefault(text.get_ha(), []).append(text.get_position()[1])
    assert sorted(map(len, heights.values())) == [4, 4]
    assert all(np.diff(sorted(side)).min() > 0.2 for side in heights.values())


def test_gains_are_paired_means_with_their_intervals(bench: Benchmark) -> None:
    figure: Any = gains(bench)
    for axes, space in zip(figure.axes, bench.spaces, strict=True):
        assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["evolution", "tpe"]
        for dots, n in zip(axes.collections, (50, 100, 120), strict=True):
            found = [one.versus[n] for one in space.strategies[1:]]
            assert dots.get_offsets()[:, 0].tolist() == pytest.approx([100 * one.gain.estimate for one in found])
            filled = [not np.allclose(face, 1) for face in dots.get_facecolors()]
            assert filled == [one.p_holm <= 0.05 for one in found]
        spans = [tuple(line.get_xdata()) for line in axes.get_lines() if len(line.get_xdata()) == 2][1:]
        expected = [one.versus[n].gain for n in (50, 100, 120) for one in space.strategies[1:]]
        assert spans == [pytest.approx((100 * gain.low, 100 * gain.high)) for gain in expected]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["50", "100", "120"]


def test_the_matrix_has_a_cell_for_each_strategy_and_space(bench: Benchmark) -> None:
    figure: Any = matrix(bench)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["first\non made-up", "second"]
    cells = [[space.strategies[k].versus[120] for space in bench.spaces] for k in (1, 2)]
    assert _texts(figure) == [
        f"{100 * cell.gain.estimate:+.2f}" + (" *" if cell.p_holm <= 0.05 else "") for row in cells for cell in row
    ]
    shares = np.asarray(axes.images[0].get_array())
    left = [float(space.strategies[0].final.mean()) for space in bench.spaces]
    left[0] -= 0.08  # the optimum of the one that is known
    assert shares == pytest.approx(np.array([[cell.gain.estimate for cell in row] for row in cells]) / left)


def test_final_scores_are_those_of_all_runs(one: SpaceResult) -> None:
    axes = finals(one).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(STRATEGIES)
    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    means = [line for line in axes.get_lines() if line.get_marker() == "D"]
    for place, strategy in enumerate(one.strategies):
        assert dots[place].get_xdata() == pytest.approx(100 * strategy.final)
        assert np.abs(dots[place].get_ydata() - place).max() < 0.5
        assert means[place].get_xdata() == pytest.approx([100 * strategy.final.mean()])
    low, high = axes.get_xlim()
    assert low < 8.0 and high > 100 * max(strategy.final.max() for strategy in one.strategies)


def test_what_there_is_nothing_to_compare_with_has_no_figure() -> None:
    rules = BenchRules(budget=10, repeats=3)
    alone = combine("alone", [_space("first", rules, ("tpe",))], rules, {})
    assert ranks(alone) is None and gains(alone) is None and matrix(alone) is None
    pair = combine("pair", [_space("first", rules, ("tpe", "evolution"))] * 2, rules, {})
    assert list(files.draw(pair)) == ["ranks", "anytime-first-on-made-up", "finals-first-on-made-up"]


CASES = {
    "several": (BenchRules(budget=120, repeats=12), STRATEGIES, 2, True),
    "many spaces": (BenchRules(budget=20, repeats=4), STRATEGIES[:2], 4, True),
    "odd names": (BenchRules(budget=60, repeats=5), ODD, 2, True),
    "many strategies": (BenchRules(budget=60, repeats=4), ("random", *(f"strategy-{k}" for k in range(9))), 1, True),
    "one run": (BenchRules(budget=1, repeats=1, null=True), STRATEGIES, 1, False),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Benchmark:
    rules, strategies, count, facts = CASES[request.param]
    spaces = [_space(f"space-of-some-length-{k}", rules, strategies, facts=facts) for k in range(count)]
    return combine(request.param, spaces, rules, {})


def test_nothing_is_cut_off(case: Benchmark) -> None:
    """Every text that is shown lies inside its figure, within a pixel."""
    for name, figure in files.draw(case).items():
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        width, height = figure.bbox.size
        for text in _shown(figure):
            at = text.get_window_extent()
            whole = at.x0 >= -1 and at.y0 >= -1 and at.x1 <= width + 1 and at.y1 <= height + 1
            assert whole or not text.get_text(), (name, text.get_text(), at)


def _shown(figure: Any) -> Iterator[Any]:
    """All texts but those of ticks outside the limits of their axis, which are not drawn."""
    yield from figure.texts
    for legend in [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]:
        yield from [legend.get_title(), *legend.get_texts()]
    for axes in figure.axes:
        yield from axes.texts
        if axes.axison:
            yield from (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label)
            box = axes.get_window_extent().padded(1)
            ticks = [*axes.get_xticklabels(), *axes.get_yticklabels()]
            middles = [tick.get_window_extent() for tick in ticks]
            for tick, at in zip(ticks, middles, strict=True):
                across = tick in axes.get_xticklabels()
                inside = box.x0 <= (at.x0 + at.x1) / 2 <= box.x1 if across else box.y0 <= (at.y0 + at.y1) / 2 <= box.y1
                if inside:
                    yield tick


@pytest.fixture(scope="module")
def folder(case: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The case's figures as files."""
    where = tmp_path_factory.mktemp("figures")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as for a letter that no font has
        files.write(case, where)
    return where


def _pictures(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in folder.glob("*.png")}


def test_every_figure_is_two_files(case: Benchmark, folder: Path) -> None:
    names = {"ranks"} | {f"{kind}-{folder_name(one.label)}" for kind in ("anytime", "finals") for one in case.spaces}
    names |= {"gains"} | ({"matrix"} if len(case.spaces) > 1 else set())
    assert {path.name for path in folder.iterdir()} == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    assert all(data.startswith(b"\x89PNG") for data in _pictures(folder).values())


def test_equal_benchmarks_have_equal_figures(one: SpaceResult, tmp_path: Path) -> None:
    small = combine("one", [one], BenchRules(budget=120, repeats=12), {})
    first, second = (files.write(small, tmp_path / name) for name in ("a", "b"))
    assert first == second
    for name in first:
        assert (tmp_path / "a" / f"{name}.svg").read_bytes() == (tmp_path / "b" / f"{name}.svg").read_bytes()


def test_figures_of_a_null_table_say_so(tmp_path: Path) -> None:
    rules = BenchRules(budget=10, repeats=2, null=True)
    files.write(combine("null", [_space("first", rules)], rules, {}), tmp_path)
    for path in tmp_path.glob("*.svg"):
        assert "null table" in path.read_text()


def test_a_folder_that_cannot_be_written_is_named(bench: Benchmark, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(RegnasError, match="cannot write figures to .*taken"):
        files.write(bench, tmp_path / "taken")


def test_the_page_holds_tables_and_figures_and_loads_nothing(case: Benchmark, folder: Path) -> None:
    pictures = _pictures(folder)
    text = report(case, pictures)
    assert text.count("data:image/png;base64,") == len(pictures)
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []
    for name in case.strategies:
        assert name.replace("<", "&lt;").replace(">", "&gt;") in text
    for space in case.spaces:
        assert f"{space.label}: mean error after n evaluations" in text
    assert "Checklist" in text and "<b>é</b>" not in text
    assert ("null table" in text) == case.rules.null
    assert re.search(r">\s*-?nan\b", text) is None


def test_the_page_of_one_strategy_compares_nothing() -> None:
    rules = BenchRules(budget=10, repeats=3)
    for names in (("tpe",), ("tpe", "evolution")):
        text = report(combine("few", [_space("first", rules, names)], rules, {"data": {"seed": 1}}), {})
        assert "Against random search" not in text and "Gains are means" not in text
        assert "<td>{&quot;seed&quot;: 1}</td>" in text


def test_a_figure_of_panels_beside_each_other_scrolls_on_a_narrow_screen() -> None:
    def png(width: int) -> bytes:
        return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + b"IHDR" + width.to_bytes(4, "big")

    narrow, wide = html.figures({"a": png(800), "b": png(1600)}, {"a": "one", "b": "two"})
    assert 'class="wide"' in wide and 'class="wide"' not in narrow
