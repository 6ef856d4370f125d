"""The formats of staged networks, as entry points name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regnas.errors import RegnasError
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.fit.exact import line_of_params
from regnas.search_spaces.staged.formats import pycls, resnets, timm, torchvision
from regnas.system.reading import read_text

if TYPE_CHECKING:
    from torch import Tensor

_KINDS = ("staged",)


class Pycls:
    """Configurations of the paper's authors: YAML of one network, or the results of a sweep."""

    kinds = _KINDS
    sources = "a .yaml or a sweep's .json of pycls"

    def write(self, architecture: Staged, params: Mapping[str, Any]) -> str:
        return pycls.write(architecture, line_of_params(params))

    def recognises(self, source: str) -> bool:
        return Path(source).suffix in (".yaml", ".yml", ".json")

    def read(self, source: str) -> Sequence[Staged]:
        path = Path(source)
        if path.suffix == ".json":
            return pycls.read_sweep(path)
        return [pycls.read(read_text(path, RegnasError), source)]


class Timm:
    """Python with timm's ``RegNetCfg``, and the names of its RegNets and ResNets."""

    kinds = _KINDS
    sources = "timm:NAME"

    def write(self, architecture: Staged, params: Mapping[str, Any]) -> str:
        return resnets.write(architecture, "timm") or timm.write(architecture, line_of_params(params))

    def recognises(self, source: str) -> bool:
        return False

    def read(self, source: str) -> Sequence[Staged]:
        return [resnets.of_name(source, "timm") or timm.network(source)]

    def export_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if resnets.is_ours(state):
            return resnets.renamed(state)
        from regnas.search_spaces.staged.formats.timm_weights import state_dict_to_timm

        return state_dict_to_timm(state)

    def import_weights(self, state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        if resnets.is_theirs(state):
            return resnets.taken(state, names)
        from regnas.search_spaces.staged.formats.timm_weights import state_dict_from_timm

        return state_dict_from_timm(state, names)


class Torchvision:
    """Python with torchvision's ``BlockParams``, and the names of its RegNets and ResNets."""

    kinds = _KINDS
    sources = "torchvision:NAME"

    def write(self, architecture: Staged, params: Mapping[str, Any]) -> str:
        return resnets.write(architecture, "torchvision") or torchvision.write(architecture)

    def recognises(self, source: str) -> bool:
        return False

    def read(self, source: str) -> Sequence[Staged]:
        return [resnets.of_name(source, "torchvision") or torchvision.network(source)]

    def export_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if resnets.is_ours(state):
            return resnets.renamed(state)
        from regnas.search_spaces.staged.formats.torchvision_weights import state_dict_to_torchvision

        return state_dict_to_torchvision(state)

    def import_weights(self, state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        if resnets.is_theirs(state):
            return resnets.taken(state, names)
        from regnas.search_spaces.staged.formats.torchvision_weights import state_dict_from_torchvision

        renamed = state_dict_from_torchvision(state)
        if different := sorted(set(renamed) ^ set(names)):
            raise ValueError(f"torchvision's network is another one: {', '.join(different[:3])} is in one of the two")
        return renamed
