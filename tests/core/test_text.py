"""Text from outside: a terminal obeys none of it, Markdown and HTML show it and nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from regnas.studies.reporting.html import escape as html
from regnas.studies.reporting.html import table as html_table
from regnas.studies.reporting.markdown import code, escape
from regnas.studies.reporting.text_table import Table, markdown
from regnas.system.text import one_line, printable, some

ANY = st.text(st.characters(), max_size=40) | st.text("\x1b[]31m;\x07\\`*_<>|$&!#\n\t\x9b\u202eab", max_size=40)


@given(ANY)
@example("\x1b\x1b[31m[31mred")
@example("\x1b]0;title\x07text")
def test_nothing_that_a_terminal_obeys_is_printed(text: str) -> None:
    shown = printable(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    shown.encode()
    assert printable(shown) == shown and len(one_line(text).splitlines()) <= 1


@pytest.mark.parametrize("text", ["regnetx[wm=2]", "Gänse, 鵝, \U0001f986", "two\nlines\tand a tab", "5 < 6 & 'x'"])
def test_words_stay_as_they_are(text: str) -> None:
    assert printable(text) == text


def test_of_many_names_the_first_are_said_and_how_many_more_there_are() -> None:
    assert some(["a", "b"]) == "a, b" and some("abcd", most=3) == "a, b, c, d"
    assert some("abcde", most=3) == "a, b, c and 2 more"


def test_sequences_go_whole() -> None:
    assert printable("a\x1b[1;31mred\x1b[0m \x1b]0;title\x07b\x1b]8;;http://x\x1b\\link\x9b2Jc") == "ared blinkc"


class _Parsed(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@given(ANY)
@example("<script>alert(1)</script>")
@example("</table>&lt;b&gt;")
def test_a_page_parses_to_the_text_and_to_no_tags_of_its_own(text: str) -> None:
    parsed = _Parsed()
    parsed.feed(f"<p>{html(text)}</p>")
    parsed.close()
    assert ("".join(parsed.text), parsed.tags) == (printable(text), ["p"])
    parsed = _Parsed()
    parsed.feed(html_table(Table(text, (text,), ((text,),))))
    title = {"h2"} if text else set()
    assert set(parsed.tags) == title | {"table", "thead", "tbody", "tr", "th", "td"}


@given(ANY)
def test_markdown_is_one_line_without_marks_that_are_not_escaped(text: str) -> None:
    shown = escape(text)
    assert "\n" not in shown
    assert not re.search(r"[`*_\[\]<>|~&$]", re.sub(r"\\.", "", shown))
    assert re.sub(r"\\(.)", r"\1", shown) == one_line(text)
    assert all(line.count("\n") == 0 for line in markdown(Table(text, (text,), ((text,),))))


@given(ANY)
def test_code_ends_where_its_text_ends(text: str) -> None:
    shown = code(text)
    fence = re.match("`*", shown)
    assert fence is not None
    inside = shown[len(fence[0]) : len(shown) - len(fence[0])]
    assert inside.strip() == one_line(text)
    assert len(fence[0]) not in map(len, re.findall("`+", inside)) or not inside
