"""The labelled pictures that a trained network is tested on."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from regnas.dataset import DataSet, SupportsFiles, SupportsFingerprint, make_dataset, options_of, whole_of
from regnas.errors import DataError, UsageError
from regnas.evaluators.datasets.pictures.layout import TEST, TRAINING, File, read_layout
from regnas.pictures import Pixels
from regnas.preprocessing import Preprocessing
from regnas.studies.search.images import DATA, FINGERPRINT, other_images
from regnas.studies.training.using.network import Trained


@dataclass(frozen=True, eq=False)
class Labelled:
    """Pictures of known classes.

    Attributes:
        what: they are, in words.
        pixels: ``(n, channels, h, w)`` uint8, as training saw its own.
        labels: ``(n,)``, outputs of the network.
        names: of each picture: its file, or its number.
        broken: files that could not be read, with why.
        remarks: what a user should hear of them.
    """

    what: str
    pixels: Pixels
    labels: npt.NDArray[np.int64]
    names: Sequence[str]
    broken: Sequence[str] = ()
    remarks: Sequence[str] = ()


def labelled(
    trained: Trained,
    made: Preprocessing,
    data: str | None,
    *,
    root: str | None = None,
    download: bool = False,
    cache: Path | None = None,
) -> Labelled:
    """The test images of a data set, or the pictures of a folder with a folder for each class.

    Args:
        data: a folder, or the spec of a data set; None for what the network was trained on. Of a folder in parts its
            test part is read, and of the folder that it was trained on the test images that were held out of it.
        cache: folder of decoded images, where a search kept some.

    Raises:
        UsageError: classes that the network does not know.
        DataError: no such images, none that can be read, or a folder without parts that has changed since the training.
    """
    text = data if data is not None else trained.data
    if text is None:
        raise UsageError(f"{trained.folder} does not say what it was trained on; name images with --data FOLDER")
    if not Path(text).expanduser().is_dir():
        return _of_data_set(text, trained, made, root, download, cache=cache)
    own = _folder_of(trained.data)
    if own is not None and Path(text).expanduser().resolve() == own:
        said = f"the network was trained on pictures of {text}: it is tested on those that were held out"
        return _of_data_set(str(trained.data), trained, made, root, download, (said,), cache)
    return _of_folder(Path(text).expanduser(), made)


def _folder_of(text: str | None) -> Path | None:
    """The folder of pictures that a spec names, if it names one."""
    name, _, argument = options_of(text or "")[0].partition(":")
    return Path(argument).expanduser().resolve() if name == "imagefolder" and argument else None


def _of_data_set(
    text: str,
    trained: Trained,
    made: Preprocessing,
    root: str | None,
    download: bool,
    remarks: Sequence[str] = (),
    cache: Path | None = None,
) -> Labelled:
    images = make_dataset(whole_of(text), root=root, download=download, resolution=made.resolution, cache=cache)
    _check_same_classes(images, made, text)
    _check_same_split(images, trained, text)
    test = images.test()
    if test is None:
        raise DataError(f"{text} has no test images; name a folder of pictures it has not seen with --data FOLDER")
    if test.images.shape[1] != made.channels:
        raise UsageError(
            f"the images of {text} have {test.images.shape[1]} channels, the network was trained on {made.channels}; "
            f"read them so with channels={made.channels}"
        )
    names: list[str] = [str(number) for number in range(len(test))]
    if isinstance(images, SupportsFiles):
        names = [str(file) for file in images.test_files()]
    return Labelled(f"test images of {whole_of(text)}", test.images, test.labels, names, remarks=remarks)


def _check_same_classes(images: DataSet, made: Preprocessing, text: str) -> None:
    if tuple(images.class_names) != made.class_names:
        raise UsageError(
            f"{text} has the classes {', '.join(images.class_names)}, and the network names "
            f"{', '.join(made.class_names)}; name images of these classes with --data"
        )


def _check_same_split(images: DataSet, trained: Trained, text: str) -> None:
    """Refuse the test images of a folder without parts that has changed: they are drawn anew from all of its pictures,
    and so are in part those of the training.
    """
    own, stored = _folder_of(trained.data), trained.facts.get(FINGERPRINT)
    if own is None or own != _folder_of(text) or not isinstance(stored, dict) or not read_layout(own).split:
        return
    now = images.fingerprint() if isinstance(images, SupportsFingerprint) else {}
    if now.get("files") == stored.get("files"):  # which of them are in which part
        return
    changed = "; ".join(other_images({DATA: text, FINGERPRINT: stored}, {DATA: text, FINGERPRINT: now}))
    raise DataError(
        f"the test images of {own} were held out of all of its pictures, which are no longer those of the training "
        f"({changed}): new ones would be among those trained on; name pictures it has not seen with --data FOLDER"
    )


def _of_folder(path: Path, made: Preprocessing) -> Labelled:
    layout = read_layout(path)
    part = TRAINING if layout.split else TEST
    if part not in layout.parts:
        raise DataError(f"{path} has parts, and no test images among them; name the folder of class folders itself")
    numbers = _numbers(layout.class_names, made, path)
    pixels, labels, names, broken = [], [], [], []
    files: tuple[File, ...] = layout.parts[part]
    for file, label in files:
        try:
            pixels.append(made.read(file))
        except DataError as error:
            broken.append(str(error))
            continue
        labels.append(numbers[label])
        names.append(str(file))
    if not pixels:
        raise DataError(f"no picture of {path} can be read, of {len(files)}; the first: {broken[0]}")
    return Labelled(
        f"pictures of {path}",
        np.stack(pixels),
        np.array(labels, dtype=np.int64),
        names,
        broken,
        layout.remarks,
    )


def _numbers(classes: Sequence[str], made: Preprocessing, path: Path) -> list[int]:
    """The outputs of the network for a folder's classes."""
    unknown = [name for name in classes if name not in made.class_names]
    if unknown:
        near = difflib.get_close_matches(unknown[0], made.class_names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(
            f"{path} has classes that the network does not know: {', '.join(unknown)}; it knows "
            f"{', '.join(made.class_names)}{hint}"
        )
    return [made.class_names.index(name) for name in classes]
