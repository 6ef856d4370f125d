"""The format ``timm``: staged and mobile networks as timm has them, and the weights that it brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from regnas.errors import HostError, RegnasError
from regnas.format import Joined
from regnas.pretrained import Pretrained, in_bytes
from regnas.search_spaces.mobile.formats.names import TIMM as MOBILE
from regnas.search_spaces.mobile.formats.timm import Timm as Mobiles
from regnas.search_spaces.staged.formats.plugins import Timm as Stages
from regnas.search_spaces.staged.formats.timm import NAMES as STAGED
from regnas.system.optional import require
from regnas.system.text import one_line


class Timm(Joined):
    """Networks of two families, with weights from timm's hub."""

    def published(self) -> Sequence[str]:
        """The names that both timm has weights for and regnas knows without it; none where timm is not installed."""
        try:
            require("timm", "timm", low="1.0", below="2")
        except HostError:
            return []
        import timm

        return [name for name in (*STAGED, *MOBILE) if timm.is_model(name) and timm.is_model_pretrained(name)]

    def pretrained(self, name: str) -> Pretrained:
        """The weights of a name with or without their tag, such as ``regnetx_002.pycls_in1k``.

        Raises:
            HostError: timm is not installed.
            RegnasError: it has no weights of this name, or they cannot be fetched.
        """
        require("timm", "timm", low="1.0", below="2")
        import timm

        try:
            network: Any = timm.create_model(name, pretrained=True)
        except Exception as error:  # whatever the hub, the network or a damaged cache raise
            said = one_line(str(error))[:200]
            raise RegnasError(f"timm has no weights of {name} that can be had now: {said}") from error
        told = network.pretrained_cfg
        return Pretrained(
            network.state_dict(), network.num_classes, in_bytes(told.get("mean")), in_bytes(told.get("std"))
        )


def timm() -> Timm:
    """The entry point."""
    return Timm(Mobiles(), Stages())  # its names are known without the library: asked first
