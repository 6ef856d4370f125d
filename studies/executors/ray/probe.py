"""Ray clusters are asked before they are used: what answers at an address, and with which token."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

from regnas.errors import RegnasError

_CONNECT = 10.0  # seconds for a connection
_ANSWER = 20.0  # seconds for Ray's own answer on it
_YOUNG = 8.0  # seconds in which a cluster that listens may still be starting
# Ray's switch for laptops: every server then listens on the loopback interface. Without it Ray listens everywhere, also
# when it is told that the node's address is 127.0.0.1.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def is_here(address: str) -> bool:
    """Whether an address is one of the loopback interface."""
    return address.rpartition(":")[0].strip("[]") in ("127.0.0.1", "localhost", "::1")


def probe(address: str, seconds: float = _ANSWER) -> None:
    """Whether a Ray cluster answers: `ray.init` itself would wait for minutes.

    Raises:
        RegnasError: none does, or it and this process do not agree on a token.
    """
    plain = address.removeprefix("ray://")
    host, colon, port = plain.rpartition(":")
    if not (colon and host and port.isdecimal()):
        raise RegnasError(f"--ray-address is HOST:PORT, such as 10.0.0.1:6379; got {address!r}")
    way_out = "check it with `ray status` on the head node, or leave --ray-address out for Ray on this machine"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT).close()
    except (OSError, OverflowError) as error:
        raise RegnasError(f"no Ray cluster answers at {address} ({error}); {way_out}") from error
    if address.startswith("ray://"):
        return
    if not _healthy(plain, seconds):
        raise RegnasError(f"what listens at {address} does not answer as a Ray cluster of this version does; {way_out}")
    if os.environ.get("RAY_AUTH_MODE", "").lower() == "token" and _well(_ask(plain, seconds, RAY_AUTH_MODE="disabled")):
        raise RegnasError(
            f"the Ray cluster at {address} takes no token, and this process sends one (RAY_AUTH_MODE=token): Ray's "
            f"actors would die there; set RAY_AUTH_MODE=disabled, in a new process if this one has started Ray itself"
        )


def _healthy(address: str, seconds: float) -> bool:
    """Whether a cluster says that it is well; one that has just begun to listen is asked again.

    Raises:
        RegnasError: it says nothing to who has no token.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        asked = _ask(address, left)
        if _well(asked):
            return True
        # An AuthenticationError, or an abort in authentication_token_loader.
        if asked is not None and b"uthentication" in asked.stderr:
            raise RegnasError(
                f"the Ray cluster at {address} asks for its token, and this machine sends none or another: set "
                f"RAY_AUTH_MODE=token, with the token in ~/.ray/auth_token or in RAY_AUTH_TOKEN"
            )
        if left < seconds - _YOUNG:
            return False
        time.sleep(0.5)
    return False


def _ask(address: str, seconds: float, **changes: str) -> subprocess.CompletedProcess[bytes] | None:
    """Ray's own question about a cluster's health, in a process with these variables; None if nothing answers."""
    words = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    # Without the switch Ray would ask at this machine's outer address, where a cluster on loopback does not listen.
    environment = {**os.environ, **(LOOPBACK if is_here(address) else {}), **changes}
    try:
        return subprocess.run(words, timeout=seconds, capture_output=True, env=environment)
    except subprocess.TimeoutExpired:
        return None


def _well(asked: subprocess.CompletedProcess[bytes] | None) -> bool:
    return asked is not None and asked.returncode == 0
