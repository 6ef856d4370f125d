"""The dashboard of a storage, for this machine alone."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from regnas.errors import RegnasError
from regnas.studies.dashboard.artifacts import artifact_store
from regnas.studies.dashboard.decorate import decorate_all
from regnas.studies.dashboard.host import require_dashboard
from regnas.studies.dashboard.percent import answered
from regnas.studies.dashboard.target import Target
from regnas.studies.storage.compatibility import other_writer

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")  # that a browser on this machine, or at the end of a tunnel, knows it by

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def application(target: Target) -> Application:
    """optuna-dashboard as a WSGI application, with the artifacts, and errors in per cent.

    Whoever reaches it can delete studies. So it answers only to the names of this machine: a page from elsewhere whose
    name was made to point here is refused.

    Raises:
        HostError: optuna-dashboard is not installed.
    """
    require_dashboard()
    import optuna_dashboard

    host: Application = optuna_dashboard.wsgi(target.storage, artifact_store=artifact_store(target.out))

    def answer(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        name = environment.get("HTTP_HOST", "").partition(":")[0]
        if name not in _NAMES:
            start("403 Forbidden", [("Content-Type", "text/plain")])
            return [f"This dashboard answers to {' and '.join(_NAMES)} only.\n".encode()]
        return answered(host, environment, start)

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for every request: a browser asks for many things at once."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Without a line for every request."""

    def log_message(self, format: str, *arguments: Any) -> None:
        return


@dataclass(frozen=True)
class Dashboard:
    """A dashboard that listens; `run` answers until Ctrl-C.

    Attributes:
        address: of the page that was asked for.
        remarks: what the user should know.
    """

    server: WSGIServer
    address: str
    remarks: tuple[str, ...] = ()

    def run(self) -> None:
        """Answer until Ctrl-C, or until `WSGIServer.shutdown` is called."""
        try:
            self.server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            self.server.server_close()


def listen(target: Target, port: int = 8080) -> Dashboard:
    """Prepare the studies of a storage and listen on the loopback interface.

    Args:
        port: 0 for any that is free.

    Raises:
        HostError: optuna-dashboard is not installed, or in a version that regnas does not know.
        RegnasError: the port is taken.
    """
    made = application(target)
    try:
        server = make_server(HOST, port, made, server_class=_Server, handler_class=_Quiet)
    except (OSError, OverflowError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        reason = "it is in use" if taken else str(error)
        raise RegnasError(
            f"cannot listen on port {port}: {reason}; name another with --port, 0 for any free one"
        ) from error
    try:
        remarks = _prepare(target)
    except BaseException:
        server.server_close()
        raise
    return Dashboard(server, f"http://{HOST}:{server.server_port}{target.path}", remarks)


def _prepare(target: Target) -> tuple[str, ...]:
    if writer := other_writer(target.storage, target.text):
        return (f"the storage is of {writer}: its studies are shown as they are, without notes and figures of regnas",)
    if not decorate_all(target.storage, out=target.out, text=target.text):
        return ("no study here was made by regnas: they are shown as they are",)
    return ()
