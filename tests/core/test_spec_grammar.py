"""The grammar of spec strings, whatever they name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.errors import UsageError
from regnas.plugins import spec

words = st.text("abcdefghijklmnopqrstuvwxyz0123456789_.-|", min_size=1, max_size=12)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,15}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("regnetx", ("regnetx", "", {})),
        ("  regnetx  ", ("regnetx", "", {})),
        ("regnetx[]", ("regnetx", "", {})),
        ("regnetx[wm=2]", ("regnetx", "", {"wm": "2"})),
        ("regnetx[ wm = 2 , depth=12:20, ]", ("regnetx", "", {"wm": "2", "depth": "12:20"})),
        ("imagefolder:/data/my photos", ("imagefolder", "/data/my photos", {})),
        ("optuna:TPESampler[multivariate=true]", ("optuna", "TPESampler", {"multivariate": "true"})),
        ("x[a=b=c]", ("x", "", {"a": "b=c"})),
    ],
)
def test_a_spec_is_a_name_an_argument_and_options(text: str, parsed: tuple[str, str, dict[str, str]]) -> None:
    assert spec.parse(text, "space") == parsed


@given(names, st.dictionaries(words, words, max_size=5))
@settings(deadline=None)
def test_what_is_written_is_what_is_read(name: str, options: dict[str, str]) -> None:
    text = f"{name}[{','.join(f'{key}={value}' for key, value in options.items())}]"
    assert spec.parse(text, "space") == (name, "", options)


@pytest.mark.parametrize("text", ["", "[wm=2]", "regnetx[", "regnetx]", "regnetx[wm=2]x", "-x", "a b", "regnetx[wm=2"])
def test_a_malformed_spec_is_named_with_the_form(text: str) -> None:
    with pytest.raises(UsageError, match=r"a space is name or name\[key=value,...\], got") as caught:
        spec.parse(text, "space")
    assert repr(text) in str(caught.value)
    with pytest.raises(UsageError, match="an objective is name or name"):
        spec.parse(text, "objective")


@pytest.mark.parametrize("option", ["a", "=2", "wm=", "wm"])
def test_an_option_without_key_or_value_is_named(option: str) -> None:
    with pytest.raises(UsageError, match=f"options of a strategy are key=value, got '{option}'"):
        spec.parse(f"tpe[n=1,{option}]", "strategy")


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="wm is given twice in .*; keep one"):
        spec.parse("regnetx[wm=2,depth=8,wm=2]", "space")


def test_options_of_plug_ins_are_json_where_they_are_json() -> None:
    options = {"rate": "0.1", "on": "true", "n": "3", "nothing": "null", "schedule": "cosine", "path": "a:b"}
    assert spec.json_options(options) == {
        "rate": 0.1,
        "on": True,
        "n": 3,
        "nothing": None,
        "schedule": "cosine",
        "path": "a:b",
    }
