"""Which sockets of this machine listen where others can reach them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_LISTENS = "0A"  # the state in /proc/net/tcp


def exposed(root: int) -> list[str]:
    """``name:port`` of every process below ``root`` that listens beyond the loopback interface; Linux only."""
    open_sockets = {inode: port for inode, (address, port) in _listening().items() if not _is_loopback(address)}
    found = set()
    for process in _below(root):
        for inode in _sockets(process) & set(open_sockets):
            found.add(f"{_name(process)}:{open_sockets[inode]}")
    return sorted(found)


def _listening() -> dict[str, tuple[str, int]]:
    """By inode, the address in hexadecimal and the port of every listening TCP socket."""
    found = {}
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            words = line.split()
            if words[3] == _LISTENS:
                address, port = words[1].split(":")
                found[words[9]] = (address, int(port, 16))
    return found


def _is_loopback(address: str) -> bool:
    """Of the kernel's hexadecimal form: words of four bytes, the least significant first."""
    if len(address) == 8:
        return address.endswith("7F")
    mapped = address[:24] == "0000000000000000FFFF0000"
    return (mapped and address.endswith("7F")) or address == "0" * 24 + "01000000"


def _below(root: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc") if Path("/proc").exists() else ():
        if entry.isdecimal():
            try:
                words = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents.setdefault(int(words[1]), []).append(int(entry))
    found, new = [root], [root]
    while new:
        new = [child for process in new for child in parents.get(process, [])]
        found += new
    return found


def _sockets(process: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):  # it has ended
        for entry in os.listdir(f"/proc/{process}/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile, such as the one that lists this process's own
                link = os.readlink(f"/proc/{process}/fd/{entry}")
                found |= {link[8:-1]} if link.startswith("socket:[") else set()
    return found


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return str(process)
