"""The architecture and the picture of the best trials, as artifacts of the dashboard."""

from __future__ import annotations

import io
import json
import mimetypes
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound

from regnas.describe import summary
from regnas.drawing import drawing
from regnas.errors import StudyError
from regnas.studies.dashboard.evaluations import Evaluation
from regnas.studies.design.describe import plot
from regnas.system.optuna_internals import set_study_system_attribute, study_system_attributes
from regnas.system.reading import parse_json

FOLDER = "artifacts"  # below the output folder
ARCHITECTURE = "architecture.json"
# Optuna refuses attributes of trials that are finished, so an artifact of one is an attribute of its study. The
# dashboard kept all artifacts there before Optuna had any, and still shows them.
_PREFIX = "dashboard:artifacts:"  # and the identity of the trial, a colon, the identity of the artifact


def artifact_store(out: Path) -> FileSystemArtifactStore:
    """The artifacts below an output folder, which is made where it is not there."""
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    return FileSystemArtifactStore(out / FOLDER)


def add_artifacts(
    study: optuna.Study, leaders: list[Evaluation], settings: Mapping[str, Any], store: FileSystemArtifactStore
) -> None:
    """Give the best trials their artifacts, each once. A file that was lost is made again, under its old name."""
    attributes = study_system_attributes(study)
    for one in leaders:
        prefix = f"{_PREFIX}{one.identity}:"
        there = {meta["filename"]: meta["artifact_id"] for meta in _metas(attributes, prefix)}
        for name in _names(one):
            identity = there.get(name) or str(uuid.uuid4())
            if name in there and _has(store, identity):
                continue
            store.write(identity, io.BytesIO(_content(name, one, settings)))
            if name not in there:
                meta = {"artifact_id": identity, "filename": name, "mimetype": mimetypes.guess_type(name)[0]}
                text = json.dumps({**meta, "encoding": None})
                set_study_system_attribute(study, prefix + identity, text)


def none_lost(attributes: Mapping[str, Any], store: FileSystemArtifactStore) -> bool:
    """Whether every artifact of the trials of a study is in the store.

    Args:
        attributes: the study's system attributes.
    """
    return all(_has(store, meta["artifact_id"]) for meta in _metas(attributes, _PREFIX))


def _metas(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    found = [
        parse_json(text, "what the storage says of an artifact", StudyError)
        for key, text in attributes.items()
        if key.startswith(prefix)
    ]
    return [meta for meta in found if meta]  # null: removed in the dashboard


def _names(one: Evaluation) -> tuple[str, ...]:
    """The architecture, and the picture of a network that has one."""
    drawn = drawing(one.architecture) is not None
    return (ARCHITECTURE, summary(one.architecture).picture) if drawn else (ARCHITECTURE,)


def _has(store: FileSystemArtifactStore, identity: str) -> bool:
    try:
        store.open_reader(identity).close()
    except ArtifactNotFound:
        return False
    return True


def _content(name: str, one: Evaluation, settings: Mapping[str, Any]) -> bytes:
    if name == ARCHITECTURE:
        return (json.dumps(one.architecture, indent=1) + "\n").encode()
    described = {
        "space": settings["space"],
        "params": dict(one.params),
        "architecture": dict(one.architecture),
        "complexity": dict(one.costs),
        "resolution": settings["images"]["resolution"],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        plot(described, str(path))
        return path.read_bytes()
