"""What a person sees when a picture is opened, as the pixels that networks are given: in training and afterwards."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from regnas.errors import DataError

VERSION = 2  # of what is done to pixels: what an earlier version decoded is decoded anew
MOST_PIXELS = 150_000_000
_ORIENTATION = 274  # the tag of EXIF
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
USUAL, BOX = RESAMPLINGS = ("usual", "box")  # how a square is brought to its size, see `square`
_FILTERS = {
    USUAL: "box where a side shrinks by 2 or more, else bicubic (Pillow)",
    BOX: "box (Pillow)",
}
_WITH_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}
_GREY = {"1", "L"}

Pixels = npt.NDArray[np.uint8]


class Unreadable(DataError):
    """A picture that cannot be read, or that has no one look; says why, and not which it is."""


def read_picture(file: str | Path, resolution: int, channels: int = 3, resampling: str = USUAL) -> Pixels:
    """The middle square of a picture as a viewer shows it, at the resolution and channels of a network's training.

    Args:
        file: of any kind that Pillow reads.
        resolution: pixels of a side.
        channels: 3 for red, green and blue, 1 for grey.
        resampling: as of `square`.

    Returns:
        ``(channels, resolution, resolution)``, 0 is black and 255 white.

    Raises:
        DataError: it cannot be read, has more than `MOST_PIXELS` pixels or levels of which none is white.
    """
    try:
        return decoded(Path(file).read_bytes(), resolution, channels, resampling)
    except FileNotFoundError as error:
        raise DataError(f"there is no image {file}; name files that are there") from error
    except IsADirectoryError as error:
        raise DataError(f"{file} is a folder; name the pictures in it") from error
    except OSError as error:
        raise DataError(f"cannot read the image {file}: {error.strerror}; repair or remove it") from error
    except Unreadable as error:
        raise DataError(f"cannot read the image {file}: {error}; repair or remove it") from error


def decoded(content: bytes, resolution: int, channels: int = 3, resampling: str = USUAL) -> Pixels:
    """As `read_picture`, of a file's content.

    Raises:
        Unreadable: it is no such picture.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of large pictures and odd tags; the first have a limit here
        try:
            with Image.open(io.BytesIO(content)) as opened:
                _check_size(opened.width * opened.height, f"{opened.width} x {opened.height}")
                return square(as_seen(opened), resolution, channels, resampling)
        except Unreadable:
            raise
        except Image.DecompressionBombError as error:
            found = re.search(r"(\d+) pixels", str(error))
            raise Unreadable(_too_large(found[1] if found else "far more")) from error
        except UnidentifiedImageError as error:
            raise Unreadable("it is empty" if not content else "it is no picture that Pillow knows") from error
        except MemoryError as error:
            raise Unreadable("it does not fit into memory") from error
        except Exception as error:  # Pillow raises many kinds for a damaged file
            raise Unreadable(str(error).strip() or type(error).__name__) from error


def as_seen(opened: Image.Image) -> Image.Image:
    """The first frame of a picture as a viewer shows it, of mode L or RGB: upright, on white where it is transparent.

    Raises:
        Unreadable: levels of which none is white.
    """
    opened.load()
    image = _in_bytes(opened)
    if _is_transparent(image):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    if image.mode == "LAB":
        image = _from_lab(image)
    image = image.convert("L" if image.mode in _GREY else "RGB")
    turn = _TURNS.get(_orientation(opened))
    return image if turn is None else image.transpose(turn)


def square(image: Image.Image, resolution: int, channels: int = 3, resampling: str = USUAL) -> Pixels:
    """The middle square of an image at another size.

    Args:
        resampling: `USUAL`, averaged where it shrinks by 2 or more, else by bicubic interpolation; or `BOX`, averaged.

    Returns:
        ``(channels, resolution, resolution)``
    """
    image = image.convert("L" if channels == 1 else "RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    small = image.resize(
        (resolution, resolution),
        Image.Resampling.BOX if resampling == BOX or side >= 2 * resolution else Image.Resampling.BICUBIC,
        box=(left, top, left + side, top + side),
    )
    pixels = np.asarray(small)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def about(resolution: int, channels: int, resampling: str = USUAL) -> dict[str, Any]:
    """What `read_picture` does, in words for whoever must do it elsewhere: JSON values."""
    return {
        "version": VERSION,
        "resolution": resolution,
        "channels": channels,
        "seen": "first frame, upright by EXIF, transparency on white, 16 bits divided by 257",
        "cut": "middle square",
        "filter": _FILTERS[resampling],
        **({} if resampling == USUAL else {"resampling": resampling}),
        "function": "regnas.pictures.read_picture",
    }


def _in_bytes(image: Image.Image) -> Image.Image:
    """The image with a byte for each level; what has more levels is scaled, where it is known which one is white."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        levels = np.asarray(image).astype(np.int64)
        grey = (levels.clip(0, 65535) * 2 + 257) // 514
        if isinstance(clear := image.info.get("transparency"), int):
            grey[levels == clear] = 255
        return Image.fromarray(grey.astype(np.uint8))
    if image.mode == "F":
        floats = np.asarray(image)
        low, high = float(floats.min()), float(floats.max())
        if not 0 <= low <= high <= 1:  # not a number is not in between either
            raise Unreadable(f"mode F, levels from {low:g} to {high:g}: floats are read from 0, black, to 1, white")
        return Image.fromarray((floats * 255).round().astype(np.uint8))
    if image.mode == "I":
        raise Unreadable("mode I, 32-bit levels of which none is known to be white; save it with 8 or 16 bits")
    return image


def _is_transparent(image: Image.Image) -> bool:
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        return True
    return image.mode == "P" and image.palette is not None and image.palette.mode.endswith("A")


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    seen = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    if seen is None:
        raise Unreadable("mode LAB, which this Pillow does not convert; save it as RGB")
    return seen


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged tag says nothing, as to a viewer
        return 1


def _check_size(pixels: int, size: str) -> None:
    if pixels > MOST_PIXELS:
        raise Unreadable(_too_large(size))


def _too_large(size: str) -> str:
    return f"it has {size} pixels, more than {MOST_PIXELS // 1_000_000} million; shrink it"
