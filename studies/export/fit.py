"""``regnas fit``: the nearest RegNet of a network that the command line names."""

from __future__ import annotations

from regnas.search_spaces.staged.fit.network import Fit, fit_network, fit_resnet, is_resnet
from regnas.studies.export.export import find


def fit(target: str) -> Fit:
    """The nearest RegNet of anything that `find` takes, or of a ResNet of torchvision by name.

    Raises:
        UsageError: nothing with stages.
    """
    if is_resnet(target):
        return fit_resnet(target.partition(":")[2])
    return fit_network(find(target).architecture)
