"""What moves is drawn on a terminal alone, also where an environment says that everything is one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from regnas.cli.output import make_console
from regnas.studies.run.progress import Lines

Run = Callable[..., tuple[int, str, str]]


def test_a_notebook_gets_lines_and_no_movements_of_a_cursor(
    regnas_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as notebooks set it
    code, out, err = regnas_command(
        "sample", "--space", "regnetx", "--flops", "360M:400M", "--count", "3", "--output", "a.csv"
    )
    assert code == 0
    assert "\x1b" not in out + err


def test_a_name_between_colons_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(make_console()).say("imagefolder:B: 32 px, classes :cat: and :dog:")
    assert capsys.readouterr().out == "imagefolder:B: 32 px, classes :cat: and :dog:\n"
