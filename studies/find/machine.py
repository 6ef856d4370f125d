"""What a network weighs and how fast it is, on this machine; and which versions computed all of it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from regnas import measure
from regnas.architecture import Architecture
from regnas.design_space import Space
from regnas.errors import HostError, RegnasError
from regnas.meter import Meter
from regnas.sampling.costing import meter_of
from regnas.window import human

LATENCY = "latency"
_PATIENCE = 20  # seconds to wait for a quiet machine, where latency is no limit
_PACKAGES = ("regnas", "torch", "numpy", "optuna", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Speed:
    """How long a picture takes.

    Attributes:
        seconds: None where it could not be measured.
        how: set-up and machine, in a line; why it could not be measured, else.
        limit: that was asked for, in words; empty without one.
    """

    seconds: float | None
    how: str
    limit: str = ""

    @property
    def short(self) -> str:
        """The number with its unit; empty where there is none."""
        return "" if self.seconds is None else human(float(f"{self.seconds:.3g}"), LATENCY)

    def text(self) -> str:
        """In words."""
        limit = f" (asked: {self.limit})" if self.limit else ""
        if self.seconds is None:
            return f"not measured: {self.how}"
        return f"{self.short}{limit} on this machine: {self.how}"


def speed_of(network: Architecture, space: Space, folder: Path) -> Speed:
    """The latency of a network, by the search's meter where latency is a limit; else in ONNX Runtime, where it is
    installed, as that is what runs the exported file, and in torch where not.

    Args:
        folder: where readings are kept.
    """
    limit = _limit(space)
    try:
        meter = meter_of(space, LATENCY) or _usual(folder)
        seconds = measure.measured(LATENCY, network, space.images, space.device, meter)
        return Speed(seconds, meter.said(space.device), limit)
    except RegnasError as error:
        return Speed(None, str(error), limit)


def _limit(space: Space) -> str:
    bounds = space.window.bounds(LATENCY)
    return "" if bounds.open else f"{human(bounds.low, LATENCY)}:{human(bounds.high, LATENCY)}"


def _usual(folder: Path) -> Meter:
    """Of a network of a search that limits no latency."""
    make = measure.load(LATENCY).meter
    if make is None:
        raise RegnasError("the measure latency has no meter; install regnas's own")
    return make({"runtime": f"{_runtime()}[patience={_PATIENCE}]"}, folder)


def _runtime() -> str:
    from regnas.deploy.onnx import check_installed

    try:
        check_installed()
    except HostError:
        return "torch"
    return "onnxruntime"


def peak_memory(network: Architecture, space: Space) -> int | None:
    """Bytes of activations at the peak, for one picture; None of networks that do not know them."""
    try:
        return int(measure.measured("memory", network, space.images, "cpu"))
    except RegnasError:
        return None


def versions() -> dict[str, str]:
    """Of what computed, by name; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "system": f"{platform.system()} {platform.machine()}"}
