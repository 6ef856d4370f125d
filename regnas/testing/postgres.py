"""A throw-away PostgreSQL server on loopback, from PostgreSQL's own programs: for tests and benchmarks."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_USERS = ("postgres", "nobody")  # whom a server of root's runs as: it refuses to run as root


class NoPostgres(RuntimeError):
    """There is no PostgreSQL on this machine."""


class Server:
    """A server that can be stopped and started again; it keeps nothing that its folder does not.

    Attributes:
        password: of its user ``regnas``.
    """

    def __init__(self, folder: Path, programs: Path, user: str | None) -> None:
        self._folder = folder
        self._programs = programs
        self._user = user
        self.port = _free_port()
        self.password = secrets.token_hex(8)
        secret = folder / "password"
        secret.write_text(self.password)
        if user is not None:
            for path in (folder, secret):
                shutil.chown(path, user)
        options = ("--username=regnas", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--encoding=UTF8")
        self._run("initdb", *options, "-D", str(folder / "data"), "--locale=C")
        self.start()

    def _run(self, program: str, *words: str, **environment: str) -> None:
        log = self._folder / "programs.log"
        with log.open("ab") as output:
            code = subprocess.run(
                [str(self._programs / program), *words],
                cwd=self._folder,
                user=self._user,
                env={"PATH": os.environ["PATH"], **environment},
                stdout=output,
                stderr=output,
            ).returncode
        if code:
            raise RuntimeError(f"{program} ended with exit code {code}: {log.read_text(errors='replace')[-2000:]}")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        data, log = str(self._folder / "data"), str(self._folder / "server.log")
        self._run("pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options)

    def stop(self) -> None:
        """Stop it as a crash does: connections break, and what was not committed is gone."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", str(self._folder / "data"))

    def database(self, name: str) -> str:
        """Make a database and return its URL, password included."""
        words = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "regnas", name)
        self._run("createdb", *words, PGPASSWORD=self.password)
        return f"postgresql://regnas:{self.password}@127.0.0.1:{self.port}/{name}"


def programs() -> Path:
    """The folder of ``initdb`` and ``pg_ctl``.

    Raises:
        NoPostgres: with how to get them.
    """
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise NoPostgres("there is no PostgreSQL here: apt-get install postgresql")


@contextmanager
def server() -> Iterator[Server]:
    """A server while it is used; afterwards nothing of it is left.

    Raises:
        NoPostgres: there is no PostgreSQL, or nobody it could run as.
    """
    found, user = programs(), _user()
    folder = Path(tempfile.mkdtemp(prefix="regnas-postgres-", dir="/tmp"))  # a short path: sockets need that
    try:
        made = Server(folder, found, user)
        try:
            yield made
        finally:
            try:
                made.stop()
            except RuntimeError:
                pass  # it was stopped already
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    if not (usable := [name for name in _USERS if name in known]):
        raise NoPostgres(f"PostgreSQL does not run as root, and there is no user {' or '.join(_USERS)}")
    return usable[0]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
