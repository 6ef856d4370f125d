"""Which folders are parts and which are classes, read from what lies in them and not from one name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from regnas.errors import DataError
from regnas.evaluators.datasets.pictures.tree import Folder, scanned
from regnas.system.text import counted

TRAINING, VALIDATION, TEST = PARTS = ("training", "validation", "test")
_WORDS = {
    **dict.fromkeys(("train", "training"), TRAINING),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
_PART = re.compile(rf"(?:[a-z]+[-_ .])?({'|'.join(_WORDS)})(?:[-_ .]?(?:set|data|images?|split|\d+))?")

File = tuple[Path, int]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a folder of pictures means.

    Attributes:
        class_names: the names of the folders, sorted.
        parts: the files of each part, with the number of their class; one part alone where it is yet to be split.
        split: whether the one part is split in three; else validation images are held out where there are none.
        skipped: files that are not read, by suffix.
        remarks: what a user should know of it, sentences.
    """

    top: Path
    class_names: tuple[str, ...]
    parts: Mapping[str, tuple[File, ...]]
    split: bool
    skipped: Counter[str]
    remarks: tuple[str, ...] = ()


def read_layout(path: Path) -> Layout:
    """The parts and classes of a folder.

    Raises:
        DataError: it is none that has one meaning; says what was found.
    """
    try:
        tree = scanned(path)
    except OSError as error:
        raise DataError(
            f"cannot read the folder {error.filename}: {error.strerror}; allow it or move it out"
        ) from error
    top = _unwrapped(tree, top=True)
    found = _parts_of(top)
    folders = {part: _unwrapped(one) for part, one in found.items()} or {TRAINING: top}
    remarks = [_unlabelled(folders.pop(TEST))] if found and TEST in folders and not folders[TEST].filled else []
    names = _class_names(folders[TRAINING], tree)
    parts = {part: _files(folder, names, tree) for part, folder in folders.items()}
    stray = sum(len(one.pictures) for one in {id(one): one for one in (top, *folders.values())}.values())
    if stray:
        beside = "picture beside the class folders is" if stray == 1 else "pictures beside the class folders are"
        remarks.append(f"{stray} {beside} not read: nothing says what is shown")
    return Layout(
        top=top.path,
        class_names=names,
        parts=parts,
        split=not found,
        skipped=tree.all_skipped,
        remarks=tuple(remarks),
    )


def part_of(name: str) -> str | None:
    """The part that a folder's name may mean."""
    match = _PART.fullmatch(name.casefold())
    return _WORDS[match[1]] if match else None


def _unwrapped(folder: Folder, top: bool = False) -> Folder:
    """The folder that parts or classes lie in: an archive often wraps it in another."""
    while len(folder.filled) == 1 and not folder.pictures:
        (only,) = folder.filled
        again = not top and only.path.name == folder.path.name  # test/test/1.jpg
        if (top and part_of(only.path.name)) or not (again or (only.filled and not only.pictures)):
            break
        folder = only
    return folder


def _parts_of(top: Folder) -> dict[str, Folder]:
    """The folders that are parts; none where all folders are classes."""
    named = [one for one in top.folders if part_of(one.path.name)]
    others = [one for one in top.filled if one not in named]
    holders = [one for one in named if one.filled and not (others and 2 * len(one.pictures) >= one.count)]
    if not holders:
        if named and not others:
            raise _refused(f"the parts in {top.path} hold no class folders: {top.path}/train/CLASS/IMAGE.jpg", top)
        return {}
    found: dict[str, Folder] = {}
    for one in named:
        part = part_of(one.path.name) or ""
        if part in found:
            names = f"{found[part].path.name} and {one.path.name}"
            raise _refused(f"{top.path} has two folders of {part} images, {names}; keep one", top)
        found[part] = one
    if TRAINING not in found or found[TRAINING] not in holders:
        raise _refused(f"{top.path} has parts, and no folder train of class folders among them", top)
    if others:
        names = ", ".join(one.path.name for one in others)
        raise _refused(f"{top.path} has parts and beside them other pictures; move out {names}, or make it a part", top)
    if VALIDATION in found and found[VALIDATION] not in holders:
        raise _refused(f"{found[VALIDATION].path} holds no class folders; sort its pictures or remove it", top)
    if TEST in found and not found[TEST].count:
        raise _refused(f"{found[TEST].path} holds no pictures; add some or remove it", top)
    return found


def _unlabelled(test: Folder) -> str:
    held = counted(test.count, "picture")
    return f"{test.path} holds {held} and no class folders: it is not read, there is no test error"


def _class_names(folder: Folder, tree: Folder) -> tuple[str, ...]:
    names = tuple(sorted(one.path.name for one in folder.folders))
    if len(names) < 2:
        raise _refused(
            f"{folder.path} holds {counted(len(names), 'class folder')}, at least 2 are needed: "
            f"{folder.path}/CLASS/IMAGE.jpg",
            tree,
        )
    if folder.filled and not any(one.pictures for one in folder.folders):
        raise _refused(
            f"no folder in {folder.path} holds a picture itself, so it is not clear which folders are classes; name "
            f"the folder that the classes lie in, or move the pictures a level up",
            tree,
        )
    return names


def _files(folder: Folder, names: tuple[str, ...], tree: Folder) -> tuple[File, ...]:
    """The pictures of a part with the numbers of their classes."""
    there = {one.path.name: one for one in folder.folders}
    if unknown := sorted(name for name in set(there) - set(names) if there[name].count):
        raise _refused(f"{folder.path} has classes that the training images lack: {', '.join(unknown)}", tree)
    for name in names:
        if name not in there or not there[name].count:
            raise _refused(
                f"class folder {folder.path / name} is empty or missing; add images or remove the class everywhere",
                tree,
            )
    return tuple((file, label) for label, name in enumerate(names) for file in there[name].everything)


def _refused(rule: str, tree: Folder) -> DataError:
    return DataError(f"{rule}; found: {tree.drawn()}")
