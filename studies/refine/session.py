"""A session on disk: what was asked, its folder, and going on with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Unpack

from regnas.design_space import Space, make_space
from regnas.errors import DataError, StudyError, UsageError
from regnas.images import Images
from regnas.measure import load
from regnas.options import RefineOptions, check_options
from regnas.studies.refine.chain import Chain
from regnas.studies.refine.changes import Change, read_own
from regnas.studies.refine.loop import check_space, run
from regnas.studies.refine.models import Ledger, Trainer
from regnas.studies.refine.report import output
from regnas.studies.refine.report.record import Report, report_of
from regnas.studies.refine.rules import RefineRules
from regnas.studies.refine.steps import Step
from regnas.studies.refine.training import PoolTrainer, Replay
from regnas.studies.search.identity import differing, folder_name
from regnas.studies.search.plan import SearchPlan, plan
from regnas.studies.search.request import split_window
from regnas.studies.storage.locks import locked
from regnas.system.files import remove_leftovers, write_json
from regnas.system.reading import read_fields, read_text
from regnas.window import Window

SESSION, STEPS, SCHEMA = "session.json", "steps", 1
_RULES = ("budget", "steps", "margin", "alpha", "power", "complexity", "seed")
Told = Callable[[str], None]


@dataclass(frozen=True)
class Session:
    """What was asked of a session.

    Attributes:
        own: a person's changes as texts, each with where it was written.
        settings: of the trainings, as studies store them.
    """

    name: str
    space: Space
    rules: RefineRules
    own: tuple[tuple[str, str], ...]
    settings: Mapping[str, Any]
    folder: Path

    def changes(self) -> list[Change]:
        """A person's changes.

        Raises:
            UsageError: as `regnas.studies.refine.changes.read_own`.
        """
        return [read_own(text, self.space, where) for where, text in self.own]

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        asked = {"name": self.name, "rules": asdict(self.rules), "own": [list(one) for one in self.own]}
        return {"schema": SCHEMA, **asked, "settings": dict(self.settings)}


def plan_session(
    space: str | Space,
    rules: RefineRules,
    *,
    name: str | None = None,
    propose: str | Path | None = None,
    **options: Any,
) -> tuple[Session, SearchPlan]:
    """Check everything that can be checked before a network is trained.

    Args:
        propose: a file with a person's own changes, one a line.
        options: of a search: data, flops, evaluator, workers ...

    Raises:
        UsageError, RegnasError: as `regnas.studies.search.plan.plan`; a space with nothing to refine; a limit of what
            is measured one network at a time; a file with an unknown parameter; or a session of this name that was
            asked for otherwise.
    """
    text = space.spec if isinstance(space, Space) else str(space).strip()
    called = name or text
    check_window(split_window(options)[0] | (space.window if isinstance(space, Space) else Window()))
    ours = {"strategy": "random", "budget": rules.budget, "seed": rules.seed, "study": f"refine/{called}"}
    given: dict[str, Any] = {**options, **ours, "baselines": False}
    made = plan(space, **given)
    check_space(made.space)
    own = () if propose is None else read_file(Path(propose))
    folder = Path(options.get("out", "regnas-runs")) / f"refine-{folder_name(called)}"
    session = Session(called, made.space, rules, own, made.settings.to_json(), folder)
    session.changes()
    check_begun(session)
    return session, made


def check_window(window: Window) -> None:
    """Refuse limits of what takes a machine seconds to measure: thousands of networks are drawn that nobody trains.

    Raises:
        UsageError: the window limits such a measure.
    """
    timed = [name for name in window if load(name).meter is not None]
    if timed:
        raise UsageError(
            f"a session draws thousands of networks that it does not train, and {timed[0]} is measured one by one: "
            f"refine inside --flops, and search the last space with --{timed[0]}"
        )


def read_file(path: Path) -> tuple[tuple[str, str], ...]:
    """The changes of a file: a line each; what follows ``#`` is left out.

    Raises:
        UsageError: it cannot be read, or says nothing.
    """
    try:
        lines = read_text(path).splitlines()
    except DataError as error:
        raise UsageError(f"--propose is a file with a change a line, such as wm=2: {error}") from error
    said = [(f"{path.name}, line {number}", line.partition("#")[0].strip()) for number, line in enumerate(lines, 1)]
    found = tuple(one for one in said if one[1])
    if not found:
        raise UsageError(f"{path} proposes nothing: write a change a line, such as wm=2 or regnetx[wm=2]")
    return found


def check_begun(session: Session) -> None:
    """Refuse to go on with a session that was asked for otherwise.

    Raises:
        StudyError: names what differs.
    """
    if not (session.folder / SESSION).exists():
        return
    begun = read_session(session.folder)
    old, new = ({**asdict(one.rules), "--propose": [text for _, text in one.own]} for one in (begun, session))
    different = [f"{key} {old[key]} and {new[key]}" for key in new if old[key] != new[key]]
    different += [f"{key} of the trainings" for key in differing(dict(begun.settings), dict(session.settings))]
    if different:
        raise StudyError(
            f"session {session.name!r} began otherwise: {', '.join(different)}; what is said beforehand stays, so give "
            f"this one another --name"
        )


def read_session(folder: Path) -> Session:
    """Read the session of a folder.

    Raises:
        UsageError: it is none of a session.
    """
    try:
        stored = read_fields(folder / SESSION, name=str, rules=dict, own=list, settings=dict)
        settings = stored["settings"]
        space = make_space(settings["space"]).on(Images.from_json(settings["images"]))
        space = space.within(Window.read(settings["window"])).on_stream(settings["stream_version"])
        rules = RefineRules(**stored["rules"])
        own = tuple((str(where), str(text)) for where, text in stored["own"])
    except (DataError, OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder} is no folder of a session ({error}); name one below regnas-runs") from error
    return Session(stored["name"], space, rules, own, settings, folder)


def run_session(session: Session, made: SearchPlan, told: Told = lambda line: None) -> Report:
    """Train what is missing, test, and write the report.

    Raises:
        KeyboardInterrupt: Ctrl-C; what is trained is kept.
        RegnasError: as `regnas.studies.refine.loop.run`.
    """
    with locked(session.folder, ("this session", "give --name NAME")):
        session.space.sample(1, seed=session.rules.seed)  # before anything is made: an empty window says so
        remove_leftovers(session.folder, STEPS, "results", "figures")
        write_json(session.folder / SESSION, session.to_json())
        trainer = PoolTrainer(made, session.folder, session.rules.seed)
        try:
            return _reported(session, trainer, told)
        finally:
            trainer.close()


def folder_of(target: str, runs: Path = Path("regnas-runs")) -> Path | None:
    """The folder of a session that a user names: itself, or by its name below ``runs``; None where there is none."""
    found = (Path(target), runs / target, runs / f"refine-{folder_name(target)}")
    return next((one for one in found if (one / SESSION).is_file()), None)


def replay(folder: Path) -> Report:
    """Make the report of a session again from its folder; nothing is trained.

    Raises:
        UsageError: no session's folder.
        StudyError: the session has not ended.
    """
    return _reported(read_session(folder), Replay(), lambda line: None)


def _reported(session: Session, trainer: Trainer, told: Told) -> Report:
    def finished(step: Step) -> None:
        write_json(session.folder / STEPS / f"{step.number:02d}.json", step.to_json())

    chain = Chain(session.rules, Ledger(session.folder), trainer, told=told, finished=finished)
    run(chain, session.space, session.changes())
    told(chain.end)
    report = report_of(chain, session.name, session.settings)
    output.write(report, session.folder)
    return report


def refine(space: str | Space, **options: Unpack[RefineOptions]) -> Report:
    """What ``regnas refine`` does, from Python.

    Raises:
        UsageError: an option that there is not, or as `plan_session`.
        RegnasError: as `run_session`.
    """
    check_options(options, RefineOptions, "refine")
    given: dict[str, Any] = dict(options)
    quiet = given.pop("quiet", False)
    rules = RefineRules(**{name: given.pop(name) for name in _RULES if name in given})
    session, made = plan_session(space, rules, **given)
    return run_session(session, made, print if not quiet else lambda line: None)
