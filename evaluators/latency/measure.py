"""The plug-in ``latency``: seconds of a pass on this machine."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from regnas.evaluators.latency.meter import LatencyMeter, make_meter
from regnas.measure import Measure

if TYPE_CHECKING:
    from regnas.architecture import Architecture
    from regnas.design_space import Images


@lru_cache(maxsize=1)
def _usual() -> LatencyMeter:
    return LatencyMeter()


def by_torch(architecture: Architecture, images: Images, device: str) -> float:
    """Seconds in torch with one thread, batch 1: where nobody says a runtime. Errors as of `LatencyMeter.measure`."""
    return _usual().measure(architecture, images, device)


LATENCY = Measure("latency", "s", whole=False, times=True, measured_by=by_torch, meter=make_meter)
