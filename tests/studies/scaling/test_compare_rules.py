"""What each rule makes of a network, trained alike: resuming, intervals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from regnas.cli import main
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.design.scaling.compare import TRAININGS
from regnas.studies.design.scaling.differences import Trained, mean_error, pairs, sentences

SMALL = Staged(stem_width=8, depths=(1, 1), widths=(8, 16), strides=(2, 2), group_widths=(8, 8), classes=4)


def test_a_comparison_goes_on_with_what_is_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scale", json.dumps(SMALL.to_json()), "--flops", "150k:300k", "--rule", "fast", "--rule", "width"]
    words += ["--compare", "--data", "fake:40", "--resolution", "16", "--epochs", "1", "--seeds", "2", "--workers", "1"]
    words += ["--device", "cpu", "--out", str(tmp_path)]
    whole = _numbers(words, capsys)
    assert [one["name"] for one in whole["trained"]] == ["unscaled", "fast", "width"]  # type: ignore[attr-defined]
    (folder,) = tmp_path.iterdir()
    lines = _rows(folder)
    (folder / TRAININGS).write_text("\n".join(lines[:2]) + "\n" + lines[2][:30])  # as a crash may leave it
    assert _numbers(words, capsys)["pairs"] == whole["pairs"]
    again = _rows(folder)
    assert again[:2] == lines[:2] and len([one for one in again if one.endswith("}}")]) == len(lines) == 6
    assert list(tmp_path.iterdir()) == [folder]


def _rows(folder: Path) -> list[str]:
    return [line for line in (folder / TRAININGS).read_text().splitlines() if line]


def _numbers(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    with pytest.raises(SystemExit) as end:
        main([*words, "--json"])
    assert not end.value.code
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_intervals_of_all_pairs_are_tukeys() -> None:
    """Against `scipy.stats.tukey_hsd`."""
    rng = np.random.default_rng(0)
    errors = [rng.normal(0.2 + 0.01 * place, 0.01, 5).clip(0, 1) for place in range(4)]
    found = pairs([Trained(str(place), tuple(one.tolist()), 1.0) for place, one in enumerate(errors)])
    peer = stats.tukey_hsd(*errors)
    interval = peer.confidence_interval(0.95)
    assert len(found) == 6
    for pair in found:
        at = int(pair.one), int(pair.other)
        assert pair.difference.estimate == pytest.approx(peer.statistic[at])
        assert (pair.difference.low, pair.difference.high) == pytest.approx((interval.low[at], interval.high[at]))


def test_a_mean_has_students_interval() -> None:
    """Of 1, 2, 3 %: 2 +- 4.303 / sqrt(3), by the table of Student's t at 2 degrees of freedom."""
    found = mean_error([0.01, 0.02, 0.03])
    assert found.estimate == pytest.approx(0.02)
    assert found.high - found.estimate == pytest.approx(4.302653 * 0.01 / 3**0.5, rel=1e-6)


def test_differences_are_told_in_words_only_where_they_are_real() -> None:
    same = Trained("deep", (0.2, 0.22, 0.21), 1.0)
    far, near = Trained("wide", (0.4, 0.42, 0.41), 1.0), Trained("fast", (0.205, 0.215, 0.21), 1.0)
    assert sentences(pairs([same, far]))[0].endswith("deep is better")
    assert sentences(pairs([far, same]))[0].endswith("deep is better")
    assert sentences(pairs([same, near]))[0].endswith("cannot be told apart")
    assert pairs([same]) == []
