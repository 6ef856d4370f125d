"""What a verdict says: first what may be concluded of a pair, then the numbers it rests on."""

from __future__ import annotations

import html
import io
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from regnas.studies.compare.analysis import Comparison, analyse
from regnas.studies.compare.record import to_json
from regnas.studies.compare.report import tables
from regnas.studies.compare.report.conclusion import conclusion
from regnas.studies.compare.report.html import report
from regnas.studies.compare.report.markdown import markdown
from regnas.studies.compare.report.output import print_comparison
from regnas.studies.compare.rules import ComparisonRules
from regnas.studies.compare.verdict import BETTER, EQUAL, UNDECIDED
from regnas.studies.populations.population import Population, from_arrays
from regnas.studies.reporting.words import short_names

FAST = ComparisonRules(repeats=999, resamples=200)


def drawn(
    name: str, mean: float, *, count: int = 200, sd: float = 0.01, lead: float = 0.0, every: int = 10, **columns: Any
) -> Population:
    """Errors around a mean, those of one model in ``every`` lower by ``lead``; flops evenly spread."""
    noise = np.random.default_rng([*name.encode()]).normal(0, sd, count)
    errors = mean + noise - np.where(np.arange(count) % every == 0, lead, 0.0)
    return from_arrays(name, errors, flops=np.linspace(1e6, 2e6, count), **columns)


def compared(*populations: Population, rules: ComparisonRules = FAST) -> Comparison:
    return analyse("x", populations, rules)


def told(comparison: Comparison) -> tuple[str, str, str]:
    """The kind of the first pair, what is concluded, and what follows."""
    pair = comparison.pairs[0]
    conclusion, details = pair.text.split(". ", 1)
    return pair.judgement.kind, conclusion, details


def test_where_mean_and_search_agree_the_better_space_is_named_with_its_advantage() -> None:
    comparison = compared(drawn("a", 0.2), drawn("b", 0.25))
    gap = f"{-100 * comparison.pairs[0].judgement.difference.estimate:.2f} points"
    kind, conclusion, details = told(comparison)
    assert (kind, conclusion) == (BETTER, f"a is better than b, in the mean by {gap}")
    interval = comparison.pairs[0].judgement.difference.interval(0.9)
    ends = f"{-100 * interval.high:.2f} to {-100 * interval.low:.2f}"
    assert details.startswith(f"The 90 % interval of the lead is {ends} points at equal flops, Holm p 0.00")
    assert "; expected best of 25: a " in details
    assert comparison.pairs[0].text.count(gap) == 1


@pytest.mark.parametrize("swapped", [False, True])
def test_where_mean_and_search_disagree_it_depends_on_what_is_asked(swapped: bool) -> None:
    """A is better on average, and B has a few far better models."""
    pair = drawn("a", 0.2), drawn("b", 0.25, lead=0.15)
    comparison = compared(*(pair[::-1] if swapped else pair))
    gap = f"{100 * abs(comparison.pairs[0].judgement.difference.estimate):.2f} points"
    kind, conclusion, details = told(comparison)
    first = "b or a" if swapped else "a or b"
    assert kind == BETTER
    assert conclusion == (
        f"{first} depends on what you ask: in the mean a is better (by {gap}), for the best of 25 b is"
    )
    assert details.startswith("The 90 % interval of the lead is ") and "Holm p" in details


def test_of_a_search_whose_intervals_overlap_no_more_is_said_than_that_it_may_be() -> None:
    """B's best models are few: whether a search finds one is luck."""
    kind, conclusion, _ = told(compared(drawn("a", 0.2), drawn("b", 0.25, lead=0.105, every=25)))
    assert kind == BETTER and conclusion.endswith("for the best of 25 b may be")


def test_a_best_that_so_few_models_cannot_show_is_not_sure_however_narrow_its_interval() -> None:
    """The best of 25 takes 100 models of each space to be seen."""
    kind, conclusion, _ = told(compared(drawn("a", 0.2, count=80), drawn("b", 0.28, lead=0.18, count=80, every=5)))
    assert kind == BETTER and conclusion.endswith("for the best of 25 b may be")


def test_an_open_pair_says_that_it_is_open_and_how_many_models_could_tell() -> None:
    kind, conclusion, details = told(compared(drawn("a", 0.2, count=12, sd=0.03), drawn("b", 0.205, count=12, sd=0.03)))
    assert (kind, conclusion) == (UNDECIDED, "a and b: cannot tell yet")
    assert "models of each could tell; expected best of 25" in details


def test_an_open_mean_does_not_hide_what_a_search_would_find() -> None:
    # Whichever of the two is ahead in the mean.
    for mean in (0.226, 0.236):
        pair = drawn("a", 0.2, sd=0.02), drawn("b", mean, lead=0.15, every=5, sd=0.02)
        kind, conclusion, _ = told(compared(*pair, rules=ComparisonRules(repeats=999, resamples=200, margin=0.001)))
        assert (kind, conclusion) == (UNDECIDED, "a and b: cannot tell yet in the mean, for the best of 25 b is better")


def test_practically_equal_spaces_are_called_so_and_the_margin_follows() -> None:
    kind, conclusion, details = told(compared(drawn("a", 0.2), drawn("b", 0.2)))
    assert (kind, conclusion) == (EQUAL, "a and b are practically equal")
    assert details.startswith("The 90 % interval of a's mean error minus b's at equal flops, ")
    assert "lies inside the margin of 1.00 points" in details


def test_spaces_that_are_equal_in_the_mean_alone_are_not_called_equal_to_search_in() -> None:
    kind, conclusion, _ = told(compared(drawn("a", 0.2), drawn("b", 0.21, lead=0.1)))
    assert (kind, conclusion) == (EQUAL, "a and b are practically equal in the mean, for the best of 25 b is better")


def test_of_a_space_that_failed_too_often_nothing_is_concluded() -> None:
    _, conclusion, details = told(compared(drawn("a", 0.3, failures=tuple(range(20))), drawn("b", 0.2)))
    assert conclusion == "a and b: no verdict"
    assert details.startswith("More than 5% of the candidates of one of them failed; expected best of 25: ")


@pytest.mark.parametrize(("count", "bins"), [(18, None), (200, 1)])
def test_in_one_bin_nothing_is_called_equal_in_complexity(count: int, bins: int | None) -> None:
    rules = ComparisonRules(repeats=999, resamples=200, bins=bins)
    comparison = compared(drawn("a", 0.3, count=count), drawn("b", 0.2, count=count), rules=rules)
    assert comparison.pairs[0].judgement.bins == 1
    for shown in (
        comparison.pairs[0].text,
        tables.pairs(comparison).title,
        markdown(comparison),
        report(comparison, {}),
    ):
        assert "at equal" not in shown
    assert ", flops not matched, Holm p" in comparison.pairs[0].text
    assert "for want of" not in comparison.pairs[0].text


def test_in_several_bins_spaces_are_compared_at_equal_complexity() -> None:
    comparison = compared(drawn("a", 0.3, count=60), drawn("b", 0.2, count=60))
    assert comparison.pairs[0].judgement.bins == 6
    assert " at equal flops, Holm p " in comparison.pairs[0].text
    assert tables.pairs(comparison).title == "Mean error at equal flops, in points"


def test_a_comparison_without_complexity_does_not_speak_of_it() -> None:
    rules = ComparisonRules(repeats=99, resamples=50, complexity="none")
    text = compared(drawn("a", 0.2), drawn("b", 0.2), rules=rules).pairs[0].text
    assert "flops" not in text and "equal none" not in text


def test_one_bin_of_several_says_the_share_of_the_range_it_is() -> None:
    flops = np.concatenate([np.full(20, 1.05e6), np.linspace(1.3e6, 2e6, 20)])
    settings = {"window": "flops 1M:2M"}
    a = from_arrays("a", np.full(40, 0.2), flops=flops, settings=settings)
    b = from_arrays("b", np.full(40, 0.3), flops=np.full(40, 1.05e6), settings=settings)
    comparison = compared(a, b)
    assert (comparison.pairs[0].judgement.bins, comparison.pairs[0].judgement.coverage) == (1, 0.25)
    assert "flops not matched in 25% of their range, where 20 and 40 models are" in comparison.pairs[0].text


def test_long_specs_are_called_by_what_tells_them_apart() -> None:
    darts, nasnet = "darts[depth=3|4|5,width=4|6|8|12]", "nasnet[depth=3|4|5,width=4|6|8|12]"
    assert short_names([darts, "resnet[stem=cifar]", "regnetx[wm=2]"]) == ["darts[...]", "resnet[...]", "regnetx[wm=2]"]
    assert short_names(["resnet[stem=cifar]", "b"]) == ["resnet[stem=cifar]", "b"]
    wider = darts.replace("4|6|8|12", "8|12")
    assert short_names([darts, wider, "darts"]) == ["darts[width=4|6|8|12,...]", "darts[width=8|12,...]", "darts"]
    alike = ["a-long-name-of-a-table-0001.csv", "a-long-name-of-a-table-0002.csv", darts, darts]
    assert short_names(alike) == alike
    comparison = compared(drawn(darts, 0.2), drawn(nasnet, 0.25))
    assert comparison.pairs[0].text.startswith("darts[...] is better than nasnet[...], in the mean by")
    assert [row[0] for row in tables.spaces(comparison).rows] == comparison.names == [darts, nasnet]


def test_every_report_has_the_same_words() -> None:
    comparison = compared(drawn("a", 0.2), drawn("b", 0.25, lead=0.15))
    text = comparison.pairs[0].text
    page = report(comparison, {})
    assert text in html.unescape(re.sub(r"<[^>]*>", "", page))
    assert f"<strong>{html.escape(text.partition('. ')[0])}.</strong>" in page
    assert text in markdown(comparison).replace("\\", "")


# --- of several spaces, in one sentence -----------------------------------------------------------------------


def test_two_spaces_need_no_sentence_beside_their_verdict() -> None:
    assert conclusion(compared(drawn("a", 0.2), drawn("b", 0.25))) == ""


def test_several_spaces_are_told_by_those_that_none_is_better_than() -> None:
    comparison = compared(drawn("a", 0.2), drawn("b", 0.25), drawn("c", 0.3))
    said = "In the mean a is better than b and c."
    assert conclusion(comparison) == said
    assert report(comparison, {}).index(said) < report(comparison, {}).index("Verdicts")
    assert said in markdown(comparison)


def test_the_best_that_are_equal_are_said_together() -> None:
    comparison = compared(drawn("a", 0.2), drawn("b", 0.2), drawn("c", 0.3))
    assert conclusion(comparison) == "In the mean a and b are each better than c; a and b are practically equal."


def test_where_nothing_is_better_it_says_whether_they_are_equal_or_not_told_apart() -> None:
    equal = compared(drawn("a", 0.2), drawn("b", 0.2), drawn("c", 0.2))
    assert conclusion(equal) == "In the mean all 3 spaces are practically equal."
    few = compared(*(drawn(name, 0.2, count=12, sd=0.08) for name in "abc"))
    assert conclusion(few) == "In the mean all 3 spaces cannot be told apart."


def test_a_space_that_nothing_is_told_of_is_named() -> None:
    comparison = compared(drawn("a", 0.2), drawn("b", 0.24), drawn("c", 0.22, count=10, sd=0.12))
    assert conclusion(comparison) == (
        "In the mean a is better than b; c is neither better nor worse than others; a and c cannot be told apart."
    )


def test_verdicts_that_go_round_have_no_sentence() -> None:
    """Every pair has bins of its own, so a may be better than b, b than c, and c than a."""
    comparison = compared(drawn("a", 0.2), drawn("b", 0.25), drawn("c", 0.3))
    pairs = []
    for pair in comparison.pairs:
        one = pair.judgement
        gap = 0.05 if (one.first, one.second) == (0, 2) else -0.05
        pairs.append(replace(pair, judgement=replace(one, difference=replace(one.difference, estimate=gap))))
    assert conclusion(replace(comparison, pairs=tuple(pairs))) == ""


def trained(*epochs: int | None) -> Comparison:
    """Two spaces whose recipes have these numbers of epochs."""
    made = [
        drawn(name, mean, settings={} if each is None else {"recipe": {"epochs": each}})
        for name, mean, each in zip("ab", (0.2, 0.25), epochs, strict=True)
    ]
    return compared(*made)


def test_every_report_says_after_how_short_trainings_and_what_would_tell_of_longer_ones() -> None:
    comparison = trained(9, 9)
    limit = (
        "Networks were compared by trainings of 9 epochs. Whether longer ones agree was not measured: regnas compare "
        "--space ... --epochs 27, with all other flags as they were, would tell."
    )
    assert comparison.limits == [limit]
    console = Console(file=io.StringIO(), width=80)
    print_comparison(console, comparison, None)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"{comparison.pairs[0].text}\n{limit}\n" in printed
    assert str(comparison).splitlines()[1] == limit
    assert f"## Limits of the claim\n\n- {limit}\n" in markdown(comparison)
    assert f"<h2>Limits of the claim</h2><ul><li>{limit}</li></ul>" in report(comparison, {})
    assert to_json(comparison)["limits"] == [limit]


def test_where_recipes_are_not_on_record_epochs_are_those_of_the_curves_and_no_flag_is_proposed() -> None:
    curves = np.full((200, 1, 4), np.nan)
    curves[:, 0, :3] = 0.3  # the fourth column is another file's
    comparison = compared(drawn("a", 0.2, curves=curves), drawn("b", 0.25, curves=curves))
    said = "Networks were compared by trainings of 3 epochs. Whether longer ones agree was not measured."
    assert comparison.limits == [said]


def test_trainings_of_different_lengths_are_each_named() -> None:
    assert trained(3, 9).limits[0].startswith("Networks were compared by trainings of these epochs: a 3, b 9. ")
    assert "--epochs 27" in trained(3, 9).limits[0]
    unknown = trained(3, None).limits[0]
    assert "these epochs: a 3, b not on record. Whether longer ones agree was not measured." in unknown


def test_of_trainings_of_unknown_length_and_of_one_space_alone_no_limit_is_said() -> None:
    assert trained(None, None).limits == []
    assert "Limits of the claim" not in markdown(trained(None, None)) + report(trained(None, None), {})
    assert compared(drawn("a", 0.2, settings={"recipe": {"epochs": 9}})).limits == []
