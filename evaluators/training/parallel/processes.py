"""The other processes of a training by several: started, watched, and ended with it.

Each is ``python -m regnas.evaluators.training.parallel.processes`` and reads what it is to train as a line of JSON;
when its standard input closes, because the first process ended in whatever way, it ends, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regnas.errors import RegnasError
from regnas.system.processes import start

_READY = "ready\n"


@contextmanager
def peers(job: dict[str, Any], devices: Sequence[str], snapshot: Path, log: Path) -> Iterator[None]:
    """Several processes train with this one, which has the first of ``devices``; with one device, it trains alone.

    Args:
        job: what is trained: ``architecture``, ``data`` (arguments of `make_dataset`, and its ``text``), ``recipe``,
            ``seed`` and ``threads``, and ``additions``, if there are any.
        snapshot: where they go on from, if it is there.
        log: file for what the others print; removed when all went well.

    Raises:
        RegnasError: one of them ended in the middle.
    """
    from regnas.evaluators.training.devices import settle
    from regnas.evaluators.training.parallel.data_parallel import Share, joined

    if len(devices) == 1:
        yield
        return
    started: list[subprocess.Popen[str]] = []
    with tempfile.TemporaryDirectory(prefix="regnas-") as folder, log.open("w") as file:
        meeting = Path(folder) / "meeting"
        shared = {**job, "meeting": str(meeting), "snapshot": str(snapshot), "count": len(devices)}
        try:
            started += [_start({**shared, "rank": r, "device": one}, file) for r, one in enumerate(devices[1:], 1)]
            for process in started:
                if process.stdout is None or process.stdout.readline() != _READY:
                    raise _ended(log)
            with joined(Share(0, len(devices)), settle(devices[0], job["threads"] or 1), meeting):
                yield
        except RuntimeError as error:
            if not _any_ended(started):
                raise
            raise _ended(log) from error
        finally:
            for process in started:
                process.kill()
                process.wait()
    log.unlink(missing_ok=True)


def _any_ended(processes: Sequence[subprocess.Popen[str]]) -> bool:
    """Whether one of them is gone, or goes within some seconds: a broken connection is heard of first."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if any(process.poll() is not None for process in processes):
            return True
        time.sleep(0.1)
    return False


def _ended(log: Path) -> RegnasError:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    last = f": {lines[-1]}" if lines else ""
    return RegnasError(
        f"a process that trained along has ended{last} (log: {log}); the same command goes on from the last whole epoch"
    )


def _start(job: dict[str, Any], log: Any) -> subprocess.Popen[str]:
    process = start("regnas.evaluators.training.parallel.processes", log)
    if process.stdin is not None:
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
    return process


def main() -> None:
    """Train along until all epochs are done."""
    from regnas.architecture import from_json
    from regnas.dataset import make_dataset
    from regnas.evaluators.training.additions import Additions
    from regnas.evaluators.training.devices import settle
    from regnas.evaluators.training.final import FinalTraining
    from regnas.evaluators.training.parallel.data_parallel import Share, joined
    from regnas.evaluators.training.recipe import Recipe

    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes to the log
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    share, device = Share(job["rank"], job["count"]), settle(job["device"], job["threads"] or 1)
    images = make_dataset(job["data"].pop("text"), **job["data"])
    channel.write(_READY)
    with joined(share, device, Path(job["meeting"])):
        training = FinalTraining(
            from_json(job["architecture"]),
            images,
            Recipe(**job["recipe"]),
            seed=job["seed"],
            device=job["device"],
            threads=job["threads"],
            share=share,
            additions=Additions(**job.get("additions", {})),
        )
        training.resume(Path(job["snapshot"]))
        while training.epoch < training.epochs:
            training.run_epoch()


def _end_with_the_first() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
