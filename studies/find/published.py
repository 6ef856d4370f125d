"""``--init auto``: published networks with trained weights that lie inside a find's limits, to be compared with what it
searches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from regnas.architecture import Architecture
from regnas.baseline import inside
from regnas.costs import complexity_of
from regnas.design_space import Space
from regnas.errors import HostError, RegnasError
from regnas.plugins import spec
from regnas.pretrained import Source, as_published, load_source, published, with_classes
from regnas.studies.find.request import STUDY, FindRequest
from regnas.studies.search.known.beginning import AUTO
from regnas.studies.search.plan import SearchPlan, plan
from regnas.system.reading import fields_if_whole
from regnas.window import Window, human

_MOST = 3  # networks that are compared
_MOST_FAILURES = 3  # weights that cannot be had: without a network there are none at all

Say = Callable[[str], None]
Named = tuple[str, Architecture, float]  # ``timm:NAME``, for these classes, with its flops


def settled(asked: FindRequest, say: Say) -> FindRequest:
    """The request with the published networks that ``--init auto`` means: of a find that goes on, those that it began
    with. As it is where something else is asked.

    Raises:
        HostError: no program with published networks is installed.
        RegnasError: weights of none of them can be had, or as of a plan.
    """
    if asked.search.get("init") != AUTO:
        return asked
    bare = {name: value for name, value in asked.search.items() if name != "init"}
    stored = fields_if_whole(asked.folder / STUDY / "study.json", settings=dict)
    if stored is not None:
        init = spec.parse(str(stored["settings"].get("evaluator", "")), "evaluator")[2].get("init")
    else:
        init = _chosen(plan(asked.space, upper_half=True, **bare), say)
    return replace(asked, search={**bare, **({} if init is None else {"init": init})})


def _chosen(made: SearchPlan, say: Say) -> str | None:
    """The largest published networks inside the limits whose pixels are normalised alike; None where there is none."""
    known = _known(made.space)
    spaces = (made.space, replace(made.space, window=made.limit))
    found: list[Source] = []
    failures: list[str] = []
    for text, network, _ in known:
        if len(found) == _MOST or len(failures) == _MOST_FAILURES:
            break
        if not any(inside(one, network) for one in spaces):
            continue
        try:
            source = load_source(text)
        except RegnasError as error:
            failures.append(str(error))
            continue
        if not found or (source.mean, source.std) == (found[0].mean, found[0].std):
            found.append(source)
    if failures and not found:
        raise RegnasError(f"--init auto: {failures[0]}; leave --init out, or name weights that are here")
    if not found:
        say(_none(known, made.limit))
        return None
    names = [one.text for one in found]
    say(f"published networks inside the limits are fine-tuned beside candidates: {', '.join(names)}")
    return as_published(names)


def _known(space: Space) -> list[Named]:
    """All published networks for a space's images, the largest first.

    Raises:
        HostError: there are none.
    """
    networks = [(text, with_classes(network, space.classes)) for text, network in published()]
    if not networks:
        raise HostError("--init auto compares networks of timm or torchvision: pip install 'regnas[timm]'")
    costed = [(text, network, float(complexity_of(network, space.resolution)["flops"])) for text, network in networks]
    return sorted(costed, key=lambda one: (-one[2], one[0]))


def _none(known: list[Named], limit: Window) -> str:
    text, _, flops = known[-1]
    return (
        f"no published network lies inside {limit}: the smallest of {len(known)}, {text}, has "
        f"{human(float(f'{flops:.3g}'))} flops at this resolution; candidates begin anew"
    )
