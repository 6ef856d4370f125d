"""What a find found: all that its card and its report are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnas.architecture import Architecture
from regnas.describe import summary
from regnas.studies.find.files import Files
from regnas.studies.find.machine import Speed
from regnas.studies.find.request import FindRequest
from regnas.studies.find.verdict import Gain, Lead, Race
from regnas.studies.search.known.beginning import is_fine_tuned
from regnas.studies.search.plan import SearchPlan
from regnas.studies.search.search import SearchResult
from regnas.studies.training.using.images import Labelled
from regnas.studies.training.using.test import TestReport


def kind_of(name: str) -> str:
    """What a network that was not searched is, by its name."""
    return "a fine-tuned network" if is_fine_tuned(name) else "a textbook network"


@dataclass(frozen=True, kw_only=True, eq=False)
class Finding:
    """What a find found.

    Attributes:
        training: what the final training says of itself: epochs, seconds, held-out errors.
        name: of the network, ``candidate 3`` or a textbook network's.
        searched: whether it is a candidate.
        params: the point of its space, where it is known.
        cost: in closed form, by the names of measures, and peak memory where it is known.
        remarks: on the images, in sentences.
        test: on test images; None where there are none.
        pictures: that it was tested on.
        tested: networks of this folder that test images were used for.
        longer: the ``--time`` that would be enough for some ten candidates; empty where there are enough.
    """

    asked: FindRequest
    plan: SearchPlan
    result: SearchResult
    training: Mapping[str, Any]
    name: str
    searched: bool
    network: Architecture
    params: Mapping[str, Any]
    cost: Mapping[str, float]
    remarks: Sequence[str]
    race: Race | None
    lead: Lead | None
    gain: Gain | None
    speed: Speed
    files: Files
    versions: Mapping[str, str]
    test: TestReport | None = None
    pictures: Labelled | None = None
    tested: int = 1
    longer: str = ""

    @property
    def folder(self) -> Path:
        """Where everything is."""
        return self.asked.folder

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names."""
        return () if self.plan.data is None else tuple(self.plan.data.class_names)

    @property
    def counts(self) -> Mapping[str, int]:
        """Images of each part."""
        counts: dict[str, int] = dict(self.plan.facts.get("images", {}))
        return counts if self.test is None else {**counts, "test": self.test.count}

    @property
    def line(self) -> str:
        """The network in a line."""
        return summary(self.network).line

    @property
    def conclusion(self) -> str:
        """All of it in a sentence."""
        what = f"The network to use is {self.name} ({self.line})"
        if self.test is None:
            how = "its error on new pictures is not known, as there are no test pictures"
        else:
            low, high = self.test.interval
            how = (
                f"wrong on {self.test.error:.1%} of {self.test.count:,} test pictures (95 % interval {low:.1%} to "
                f"{high:.1%})"
            )
        return f"{what}: {how}; {self._lead}; {self._weight}."

    @property
    def _lead(self) -> str:
        """How it stands against the textbook."""
        if self.lead is None:
            textbook = "could be compared with it" if self.result.baselines else "was trained beside it"
            return f"no textbook network {textbook}"
        if not self.searched:
            chance = "" if self.lead.difference >= 0 else " by more than chance" if self.lead.raced else " in the race"
            ahead = "it" if is_fine_tuned(self.name) else "the textbook"
            return f"it is {kind_of(self.name)}, as no searched one was ahead of {ahead}{chance}"
        who, other = "it was" if self.lead.name == self.name else f"{self.lead.name} was", kind_of(self.lead.other)
        if self.lead.difference >= 0:
            return f"{who} not ahead of {self.lead.other}, {other}"
        points = 100 * abs(self.lead.difference)
        chance = "more than chance explains" if self.lead.sure else "which may be chance"
        early = ", after few epochs" if self.lead.early else ""
        best = f"the best {other.removeprefix('a ')}"
        return f"{who} {points:.1f} points ahead of {best} ({self.lead.other}){early}, {chance}"

    @property
    def _weight(self) -> str:
        """Size and time."""
        size = f"{self.cost['params'] / 1e6:.2f} million parameters" if "params" in self.cost else "its size is unknown"
        if self.speed.seconds is None:
            return size
        return f"{size}, {self.speed.short} a picture on this machine"

    @property
    def textbook(self) -> list[str]:
        """The textbook networks that were trained, by name."""
        return [row["baseline"] for row in self.result.baselines if not is_fine_tuned(row["baseline"])]

    @property
    def fine_tuned(self) -> list[str]:
        """The networks with trained weights that were, by name."""
        return [row["baseline"] for row in self.result.baselines if is_fine_tuned(row["baseline"])]

    def to_json(self) -> dict[str, Any]:
        """What scripts need: plain JSON values."""
        tested = None if self.test is None else self.test.to_json()
        if tested is not None:
            tested = {name: tested[name] for name in ("count", "error", "interval", "balanced_error", "recalls")}
        lead = self.lead
        return {
            "schema": 1,
            "seconds": self.asked.seconds,
            "conclusion": self.conclusion,
            "network": self.name,
            "searched": self.searched,
            "cost": dict(self.cost),
            "latency": self.speed.seconds,
            "latency_of": self.speed.how,
            "class_names": list(self.classes),
            "test": tested,
            "lead": None
            if lead is None
            else {
                "of": lead.name,
                "over": lead.other,
                "difference": lead.difference,
                "interval_95": None if lead.interval is None else list(lead.interval),
                "how": lead.how,
            },
            "files": dict(self.files.written),
            "left_out": dict(self.files.left_out),
            "remarks": list(self.remarks),
            "versions": dict(self.versions),
        }
