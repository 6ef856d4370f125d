"""No password is shown or kept, in whatever form of a URL; and what a storage option names."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from regnas.errors import UsageError
from regnas.studies.storage.address import address_of
from regnas.studies.storage.secrets import again, scrubbed, taken_apart, to_keep, without_password

MARK = "hunter2"
KINDS = st.sampled_from(["postgresql", "postgresql+psycopg", "mysql", "POSTGRES", "mariadb+pymysql", "mongodb", "x"])
AROUND = st.text(string.ascii_letters + string.digits + "@:/?#&=%+ ;[].$'\"\\é", max_size=6)
PASSWORDS = st.builds(lambda before, after: before + MARK + after, AROUND, AROUND)
USERS = st.sampled_from(["me", "", "me.too", "a%40b"])
HOSTS = st.sampled_from(["db", "", "db:5432", "127.0.0.1:1", "[::1]:5432", "%2Fvar%2Frun"])
NAMES = st.sampled_from("password passwd PASSWORD sslpassword pwd token api_key secret odbc_connect Host-Pass".split())
PLAIN = "postgresql://me@db/x"


@given(KINDS, USERS, PASSWORDS, HOSTS)
def test_a_password_in_its_place_is_not_shown_quoted_or_not(kind: str, user: str, password: str, host: str) -> None:
    url = f"{kind}://{user}:{password}@{host}/x"
    for text in (url, f"--storage={url}", f"{url}?sslmode=require"):
        assert MARK not in without_password(text) + to_keep(text) + again([text])


@given(KINDS, USERS, st.text(string.ascii_letters + "%:/+ ;.$", max_size=5), HOSTS, NAMES)
def test_a_password_in_the_query_is_not_shown(kind: str, user: str, around: str, host: str, name: str) -> None:
    for query in (f"{name}={around}{MARK}{around}", f"sslmode=a&{name}={MARK}", f"{name}={MARK}&timeout=1", MARK):
        text = f"{kind}://{user}@{host}/x?{query}"
        assert MARK not in without_password(text) + to_keep(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:hunter2/x",
        "postgresql:///me:hunter2@db/x",
        "postgresql:me:hunter2@db/x",
        "postgresql:/me:hunter2@db/x",
        "postgresql://me:a@hunter2@db/x",
        "postgresql://me:a@hunter2?b@db/x",
        "postgresql://db/x#password=hunter2",
        "://me:hunter2@db/x",
        "host=db user=me password=hunter2",
        "password = 'hunter2' host=db",
        "sqlite+pysqlcipher://:hunter2@/s.db",
        "sqlite:///s.db?key=hunter2",
        "mssql+pyodbc:///?odbc_connect=DRIVER;PWD=hunter2",
        " postgresql://me:hunter2@db/x",
    ],
)
def test_what_is_no_good_url_is_not_shown_either(text: str) -> None:
    assert MARK not in without_password(text) + to_keep(text) + again(["--storage", text])
    assert MARK not in scrubbed(f"cannot use {text}: no {MARK} here", [text])


@given(st.text(string.ascii_letters + string.digits + "-_.~", min_size=1), HOSTS)
def test_what_is_kept_is_the_same_place(password: str, host: str) -> None:
    kept = make_url(to_keep(f"postgresql://me:{password}@{host}/x?sslmode=require&password={password}"))
    whole = make_url(f"postgresql://me:{password}@{host}/x?sslmode=require")
    assert (kept.username, kept.host, kept.port, kept.database) == ("me", whole.host, whole.port, "x")
    assert kept.password is None and dict(kept.query) == {"sslmode": "require"}


@given(st.text(string.ascii_letters + string.digits + "/._-@", min_size=1))
def test_files_are_shown_as_they_are(path: str) -> None:
    assume("//" not in path)
    for text in (path, f"sqlite:///{path}", f"sqlite:////{path}?timeout=60"):
        assert without_password(text) == to_keep(text) == text and taken_apart(text).clear


def test_what_shows_a_command_again_stays_one_that_can_be_typed() -> None:
    words = ["search", "--space", "regnetx[wm=2]", "--storage", "postgresql://me:a b@db/x"]
    assert again(words) == "search --space 'regnetx[wm=2]' --storage 'postgresql://me:***@db/x'"


def test_short_passwords_are_scrubbed_where_they_are_words() -> None:
    assert scrubbed("role a of a database", ["postgresql://me:a@db/x"]) == "role *** of *** database"
    assert scrubbed("a database", [PLAIN]) == "a database"


@pytest.mark.parametrize(
    "text", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true", "sqlite:///?a=b"]
)
def test_a_study_in_memory_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="a study in memory is gone when its command ends"):
        address_of(text)


@pytest.mark.parametrize("text", ["postgresql://me:a@b@db/x", "sqlite:s.db", "postgresql:/db/x", "password=x"])
def test_what_can_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--storage is a journal's file or a URL"):
        address_of(text)


def test_a_windows_path_is_a_file() -> None:
    assert address_of("C:\\runs\\s.journal").file == Path.cwd() / "C:\\runs\\s.journal"
