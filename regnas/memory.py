"""Peak memory of activations: a measure in closed form, of networks that know in which order their layers run.

Layers run one after the other, for one image, in inference and in float32. While a convolution, a linear layer or a
pooling runs, there are its input, its output, and whatever else a later one reads, such as the input of a shortcut.
Normalisations, non-linearities, sums and products of two maps work in place, as fused kernels do; weights do not count.
The peak is the largest of these sums over all layers.

Source: the working set of Liberis & Lane 2019 (arXiv 1910.05110), section 3, in the order of the module, of 4 bytes an
element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from regnas.errors import UsageError
from regnas.measure import Measure

if TYPE_CHECKING:
    from regnas.architecture import Architecture
    from regnas.design_space import Images

BYTES = 4  # of an element in float32


@runtime_checkable
class SupportsMemory(Protocol):
    """An architecture that knows its peak memory."""

    def peak_elements(self, resolution: int) -> int:
        """Elements of activations at the peak, for one image of ``resolution`` pixels, counted as above."""


def peak_memory(architecture: Architecture, images: Images, device: str) -> int:
    """Bytes of activations at the peak, for one image; the same on every device.

    Raises:
        UsageError: networks of this kind do not know it.
    """
    if not isinstance(architecture, SupportsMemory):
        raise UsageError(f"{architecture.kind} networks do not know their peak memory; leave out --limit memory")
    return BYTES * architecture.peak_elements(images.resolution)


MEMORY = Measure("memory", "bytes", measured_by=peak_memory)
