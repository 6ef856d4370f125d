"""The meter of ``latency``: measures a network on this machine, waits for quiet, and keeps what it found."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regnas.errors import HostError
from regnas.evaluators.latency.records import Reading, Records
from regnas.evaluators.latency.setup import Setup, setup_of
from regnas.evaluators.latency.timing import ROUNDS, Timing, interleaved, interruptions

if TYPE_CHECKING:
    from regnas.architecture import Architecture
    from regnas.design_space import Images, Space
    from regnas.evaluators.latency.runtimes import Prepared
    from regnas.evaluators.latency.screen import Screen

MOST_SPREAD = 0.10  # between the rounds of one network
MOST_SLOWER = 1.15  # the fixed network, against its fastest on record
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0  # seconds between attempts


def _silent(_: str) -> None: ...


@dataclass(frozen=True)
class LatencyMeter:
    """Latencies by one set-up (`regnas.meter.Meter`).

    Attributes:
        folder: where readings are kept; None keeps them in memory.
    """

    setup: Setup = Setup()
    folder: Path | None = None
    _state: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def __reduce__(self) -> tuple[type[LatencyMeter], tuple[Setup, Path | None]]:
        """For pickles and copies: sessions of runtimes have none, and are made again."""
        return LatencyMeter, (self.setup, self.folder)

    def measure(self, architecture: Architecture, images: Images, device: str) -> float:
        """Seconds of a pass of one batch on this machine; measured once.

        Raises:
            HostError: the runtime is not installed, or the machine did not become quiet.
            DeviceError: there is no such device.
            RegnasError: the runtime does not take the network.
        """
        return self.reading(architecture, images, device).median

    def reading(self, architecture: Architecture, images: Images, device: str) -> Reading:
        """`measure` with spread and the rest."""
        key, records = architecture.key(), self._records(device)
        found = records.find(key, images.resolution)
        if found is None:
            with records.alone():
                found = records.find(key, images.resolution)  # another process may have been at it
                found = found or records.add(self._quietly(architecture, images, device, records))
        return found

    def told(self, device: str) -> Mapping[str, Any]:
        """Processor, runtime and version, threads, batch, precision asked for and computed in."""
        where = self.setup.on(device)
        if ("told", where) not in self._state:
            from regnas.evaluators.latency import runtimes

            with runtimes.threads(self.setup):
                computed = runtimes.computes_in(self._probe(where), self.setup.batch)
            self._state["told", where] = {
                "processor": runtimes.device_name(where),
                "device": where,
                "runtime": runtimes.version_of(self.setup),
                "threads": self.setup.threads,
                "batch": self.setup.batch,
                "precision": self.setup.precision,
                "computes_in": computed,
            }
        return dict(self._state["told", where])

    def said(self, device: str) -> str:
        """`told` in a line."""
        told = self.told(device)
        threads = f"{told['threads']} thread{'s' if told['threads'] > 1 else ''}"
        computes = "" if told["computes_in"] == told["precision"] else f" computed in {told['computes_in']}"
        return (
            f"{told['processor']}; {told['runtime']} on {told['device']}, {threads}, batch {told['batch']}, "
            f"{told['precision']}{computes}"
        )

    def heard_by(self, say: Callable[[str], None]) -> None:
        """See `regnas.meter.Meter`."""
        self._state["say"] = say

    def say(self, text: str) -> None:
        """Tell who listens what a user should know."""
        self._state.get("say", _silent)(text)

    def foresee(self, space: Space, name: str) -> Screen:
        """See `regnas.meter.SupportsForesight`."""
        place = ("screen", name, space.spec, space.images, space.window, space.device, space.stream_version)
        if place not in self._state:
            from regnas.evaluators.latency.screen import screen_of
            from regnas.sampling.costing import closed

            self._state[place] = screen_of(self, closed(space), name, space.window[name])
        found: Screen = self._state[place]
        return found

    def _records(self, device: str) -> Records:
        told = self.told(device)
        where = told["device"]
        if ("records", where) not in self._state:
            self._state["records", where] = Records(self.folder, told)
        found: Records = self._state["records", where]
        return found

    def _probe(self, where: str) -> Prepared:
        from regnas.evaluators.latency import runtimes

        if ("probe", where) not in self._state:
            made = runtimes.prepared(runtimes.probe, runtimes.PROBE_PIXELS, self.setup, where)
            self._state["probe", where] = made
        found: Prepared = self._state["probe", where]
        return found

    def _quietly(self, architecture: Architecture, images: Images, device: str, records: Records) -> Reading:
        """A reading of a quiet machine, waited for."""
        from regnas.evaluators.latency import runtimes

        where = self.setup.on(device)
        probe = self._probe(where)
        network = runtimes.prepared(architecture.build, images.resolution, self.setup, where)
        began, pause, count = time.monotonic(), _FIRST_PAUSE, interruptions(self.setup.threads)
        while True:
            with runtimes.threads(self.setup):
                beside, own = interleaved((probe.run, network.run), count)
            reason = noise(own, beside, records.fastest_probe())
            if reason is None:
                return _reading(architecture.key(), images.resolution, own, beside)
            waited = time.monotonic() - began
            if waited >= self.setup.patience:
                raise HostError(
                    f"latency cannot be measured: {reason}, for {waited:.0f} s; stop what else runs here or take fewer "
                    f"--workers, or wait longer with --runtime '{self.setup.runtime}[patience=600]'"
                )
            if "waited" not in self._state:  # once: it will wait for others, too
                self._state["waited"] = True
                self.say(f"waiting for a quiet machine to measure latency: {reason}")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def noise(own: Timing, probe: Timing, fastest: float | None) -> str | None:
    """Why timings are not to be trusted, in words; None where they are.

    Args:
        own: of the network.
        probe: of the fixed network beside it.
        fastest: seconds of the fixed network at its fastest; None where there is no record.
    """
    few = min(own.rounds, probe.rounds)
    if few < ROUNDS - 2:
        return f"passes were interrupted in {ROUNDS - few} of {ROUNDS} rounds"
    worst = max(own.spread, probe.spread)
    if worst > MOST_SPREAD:
        return f"equal passes differ by {worst:.0%}, and {MOST_SPREAD:.0%} is allowed"
    slower = probe.median / (fastest or probe.median)
    if slower > MOST_SLOWER:
        return f"a fixed network takes {slower:.2f} times as long as it did, and {MOST_SLOWER:g} times is allowed"
    return None


def _reading(key: str, resolution: int, own: Timing, probe: Timing) -> Reading:
    try:
        load: float | None = round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        load = None
    numbers = (float(f"{number:.6g}") for number in (own.median, own.spread))
    median, spread = numbers
    return Reading(
        key, resolution, median, spread, own.samples, own.dropped, probe=float(f"{probe.median:.6g}"), load=load
    )


def make_meter(options: Mapping[str, Any], folder: Path | None) -> LatencyMeter:
    """The meter of a user's options ``runtime`` and ``threads`` (see `setup_of`).

    Raises:
        UsageError, HostError: as `setup_of`; the runtime is not installed.
    """
    setup = setup_of(options)
    if setup.runtime == "onnxruntime":
        from regnas.deploy.onnx import check_installed

        check_installed()
    return LatencyMeter(setup, None if folder is None else folder / "latency")
