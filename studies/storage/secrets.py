"""What of a storage may be shown, and what may be written to a file: no password, in whatever form a URL has it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus

HIDDEN = "***"
_KINDS = "cockroachdb|mariadb|mssql|mysql|oracle|postgres|postgresql|sqlite"
_URL = re.compile(r"(?P<scheme>[\w+.-]*)://(?P<rest>.*)", re.DOTALL)
# What is meant as a URL and is none; and what PostgreSQL's own client takes instead of one.
_NO_URL = re.compile(rf"(?<![\w/])(?P<scheme>(?:{_KINDS})(?:\+\w+)?):(?P<rest>.*)", re.DOTALL | re.IGNORECASE)
_DSN = re.compile(r"(?P<name>(?:^|\s)\w*(?:password|passwd|pwd)\s*=\s*)(?P<rest>.*)", re.DOTALL | re.IGNORECASE)
_SERVER = re.compile(
    r"(?:(?P<user>[^:/?#@]*)(?P<password>:[^@]*)?@)?"
    r"(?P<host>(?:\[[\w:.%]*\]|[\w.,%-]*)(?::\d*)?)"
    r"(?P<database>/[^?@]*)?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_PLAIN_DATABASE = re.compile(r"[\w./$~+ -]*")
_PLAIN_VALUE = re.compile(r"[\w.,:/%+~-]*")
# Of a query: what says where a database is and how it is spoken to. Every other name may be a secret's.
_HARMLESS = frozenset(
    "application_name cache channel_binding charset check_same_thread client_encoding connect_timeout dbname driver "
    "gssencmode host hostaddr immutable isolation_level keepalives keepalives_count keepalives_idle "
    "keepalives_interval mode nolock port read_timeout service_name sslmode sslrootcert target_session_attrs "
    "tcp_user_timeout timeout unix_socket uri user vfs write_timeout".split()
)


@dataclass(frozen=True)
class Parts:
    """A text that may hold secrets, taken apart.

    Attributes:
        shown: for people to read.
        kept: for a file; with less in it, it still names the same place.
        secrets: what was left out, as it is written and as it is meant.
        clear: whether there is no doubt what is secret.
    """

    shown: str
    kept: str
    secrets: tuple[str, ...] = ()
    clear: bool = True


def taken_apart(text: str) -> Parts:
    """The parts of a storage's URL, of a word of a command line with one in it, or of any other text."""
    if (found := _URL.search(text)) is None:
        return _no_url(text)
    before, scheme, rest = text[: found.start()], found["scheme"], found["rest"]
    if scheme.lower().partition("+")[0] == "sqlite" and rest.startswith("/"):
        path, mark, query = rest.partition("?")
        shown, kept, secrets = _query(query) if mark else ("", "", ())
        return Parts(f"{before}{scheme}://{path}{shown}", f"{before}{scheme}://{path}{kept}", secrets, not before)
    parts = _SERVER.fullmatch(rest)
    if not scheme or parts is None or (parts["user"] is not None and "@" in rest[parts.start("host") :]):
        shown, secrets = _doubtful(rest)
        return Parts(f"{before}{scheme}://{shown}", f"{before}{scheme}://{shown}", secrets, clear=False)
    database = parts["database"] or ""
    hidden = [] if _PLAIN_DATABASE.fullmatch(database) else [database[1:]]
    shown, kept, secrets = _query(parts["query"]) if parts["query"] is not None else ("", "", ())
    where = f"{parts['host']}{f'/{HIDDEN}' if hidden else database}"
    user, password = parts["user"] or "", parts["password"]
    masked = f"{user}:{HIDDEN}@" if password is not None else f"{user}@" if parts["user"] is not None else ""
    return Parts(
        f"{before}{scheme}://{masked}{where}{shown}",
        f"{before}{scheme}://{f'{user}@' if user else ''}{where}{kept}",
        (*_written([password[1:]] if password else []), *(piece for one in hidden for piece in _pieces(one)), *secrets),
        clear=not before,
    )


def _no_url(text: str) -> Parts:
    if (found := _NO_URL.search(text)) is not None:
        is_file = found["scheme"].lower().startswith("sqlite") and "@" not in found["rest"]
        shown = text if is_file else f"{text[: found.start('rest')]}{HIDDEN}"
        return Parts(shown, shown, () if is_file else _pieces(found["rest"]), clear=False)
    if (found := _DSN.search(text)) is not None:
        shown = f"{text[: found.start('rest')]}{HIDDEN}"
        return Parts(shown, shown, _pieces(found["rest"]), clear=False)
    return Parts(text, text)


def _query(query: str) -> tuple[str, str, tuple[str, ...]]:
    """A query as it is shown, as it is kept, each with its question mark, and what both leave out."""
    shown, kept, secrets = [], [], []
    for item in re.split("[&;]", query):
        name, mark, value = item.partition("=")
        if name.lower() in _HARMLESS and _PLAIN_VALUE.fullmatch(value):
            shown.append(item)
            kept.append(item)
        elif item:
            shown.append(f"{name}={HIDDEN}" if mark and re.fullmatch(r"\w+", name) else HIDDEN)
            secrets.append(value if mark else name)
    return "?" + "&".join(shown), f"?{'&'.join(kept)}" if kept else "", _written(secrets)


def _doubtful(rest: str) -> tuple[str, tuple[str, ...]]:
    """What follows ``://`` where a password is not quoted as it should be: all that may be of it is left out."""
    before, mark, after = rest.rpartition("@")
    tail = _SERVER.fullmatch(after)
    if (
        not mark
        or "?" in before
        or "#" in before
        or tail is None
        or not _PLAIN_DATABASE.fullmatch(tail["database"] or "")
    ):
        return HIDDEN, _pieces(rest)
    user = re.match(r"[^:/?#@]*", before)
    query, _, secrets = _query(tail["query"]) if tail["query"] is not None else ("", "", ())
    shown = f"{user[0] if user else ''}:{HIDDEN}@{tail['host']}{tail['database'] or ''}{query}"
    return shown, (*_pieces(before[user.end() if user else 0 :]), *secrets)


def _pieces(text: str) -> tuple[str, ...]:
    """A text that is left out, and what a driver may make of it."""
    return _written([text, *(one for one in re.split(r"[\s/:@?&=#']+", text) if len(one) > 2)])


def _written(secrets: Iterable[str]) -> tuple[str, ...]:
    """Secrets as they are written and as they are meant."""
    return tuple(dict.fromkeys(form for one in secrets for form in (one, unquote_plus(one)) if form))


def without_password(text: str) -> str:
    """A storage, or a word of a command line, as it may be shown to others."""
    return taken_apart(text).shown


def to_keep(text: str) -> str:
    """A storage as it may be written to a file: PostgreSQL's own client finds the password that is left out in
    ~/.pgpass or PGPASSWORD.
    """
    return taken_apart(text).kept


def scrubbed(message: str, texts: Iterable[str]) -> str:
    """A message of whatever origin without the secrets of these texts.

    Args:
        texts: storages, or the words of a command line.
    """
    secrets: set[str] = set()
    for text in texts:
        parts = taken_apart(text)
        message = message.replace(text, parts.shown) if parts.secrets else message
        secrets |= set(parts.secrets) - {HIDDEN}
    for secret in sorted(secrets, key=len, reverse=True):
        # What is short is part of many a word: it is looked for as one of its own.
        pattern = re.escape(secret) if len(secret) > 3 else rf"(?<!\w){re.escape(secret)}(?!\w)"
        message = re.sub(pattern, HIDDEN, message)
    return message


def again(words: Iterable[str]) -> str:
    """The words of a command as a line that shows how to give it again."""
    return shlex.join(without_password(word) for word in words)
