"""Pictures as a viewer shows them, whatever they are stored as."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from regnas.errors import DataError
from regnas.pictures import Unreadable, decoded, read_picture

SIZE = 8
SHADES = st.integers(0, 255)
COLOURS = st.tuples(SHADES, SHADES, SHADES)
T = Image.Transpose
# How the pixels of a shown picture are stored for each orientation of EXIF.
STORED = {
    2: T.FLIP_LEFT_RIGHT,
    3: T.ROTATE_180,
    4: T.FLIP_TOP_BOTTOM,
    5: T.TRANSPOSE,
    6: T.ROTATE_90,
    7: T.TRANSVERSE,
    8: T.ROTATE_270,
}


def stored(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def seen(content: bytes, channels: int = 3) -> list[int]:
    """The one colour of a picture."""
    pixels = decoded(content, SIZE, channels).reshape(channels, -1)
    assert (pixels == pixels[:, :1]).all()
    return [int(level) for level in pixels[:, 0]]


def flat(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (SIZE, SIZE), colour)  # type: ignore[arg-type]


@given(colour=COLOURS, alpha=SHADES, kind=st.sampled_from(["PNG", "TIFF", "WEBP"]))
def test_picture_modes_by_what_a_viewer_shows_colour(colour: tuple[int, int, int], alpha: int, kind: str) -> None:
    """What is transparent lies on white."""
    lossless = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert seen(stored(flat("RGB", colour), kind, **lossless)) == list(colour)
    shown = seen(stored(flat("RGBA", (*colour, alpha)), kind, **lossless))
    expected = [(level * alpha + 255 * (255 - alpha)) / 255 for level in colour]
    assert np.abs(np.array(shown) - expected).max() <= 1


@given(shade=SHADES, alpha=SHADES, kind=st.sampled_from(["PNG", "GIF"]))
def test_picture_modes_by_what_a_viewer_shows_grey(shade: int, alpha: int, kind: str) -> None:
    assert seen(stored(flat("L", shade), kind)) == [shade] * 3
    assert seen(stored(flat("L", shade), kind, transparency=shade)) == [255] * 3
    palette = flat("P", shade)
    palette.putpalette([255 - level for level in range(256) for _ in range(3)])
    assert seen(stored(palette, kind)) == [255 - shade] * 3
    assert seen(stored(palette, kind, transparency=shade)) == [255] * 3
    (level,) = set(seen(stored(flat("LA", (shade, alpha)), "PNG")))
    assert abs(level - (shade * alpha + 255 * (255 - alpha)) / 255) <= 1
    assert seen(stored(flat("1", shade > 127), "PNG")) == [255 * (shade > 127)] * 3


@given(level=st.integers(0, 65535))
def test_sixteen_bits_are_scaled_in_either_order(level: int) -> None:
    pixels = np.full((SIZE, SIZE), level, np.uint16)
    swapped = Image.frombytes("I;16B", (SIZE, SIZE), pixels.astype(">u2").tobytes())
    for content in (stored(Image.fromarray(pixels), "PNG"), stored(swapped, "TIFF")):
        (shade,) = set(seen(content))
        assert abs(shade - level / 257) <= 0.5
    assert seen(stored(Image.fromarray(pixels), "PNG", transparency=level)) == [255] * 3


@given(level=st.floats(0, 1, width=32))
def test_floats_between_nothing_and_one_are_scaled(level: float) -> None:
    (shade,) = set(seen(stored(Image.fromarray(np.full((SIZE, SIZE), level, np.float32)), "TIFF")))
    assert abs(shade - 255 * level) <= 0.51


@pytest.mark.parametrize("level", [np.float32(1.5), np.float32(-1), np.float32("nan"), np.int32(70000), np.int32(3)])
def test_levels_of_which_none_is_white_are_refused_with_their_mode(level: np.generic) -> None:
    mode = "I" if isinstance(level, np.int32) else "F"
    with pytest.raises(Unreadable, match=f"mode {mode}, "):
        seen(stored(Image.fromarray(np.full((SIZE, SIZE), level)), "TIFF"))


@given(colour=COLOURS)
def test_print_colours_and_one_channel_are_converted(colour: tuple[int, int, int]) -> None:
    inks = tuple(255 - level for level in colour)
    assert np.abs(np.subtract(seen(stored(flat("CMYK", (*inks, 0)), "TIFF")), colour)).max() <= 1
    assert np.abs(np.subtract(seen(stored(flat("CMYK", (*inks, 0)), "JPEG", quality=100)), colour)).max() <= 4
    (grey,) = seen(stored(flat("RGB", colour), "PNG"), channels=1)
    assert abs(grey - np.dot(colour, (0.299, 0.587, 0.114))) <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_shown_upright(kind: str, orientation: int) -> None:
    shown = Image.new("RGB", (48, 32), "black")
    shown.paste((255, 0, 0), (0, 0, 24, 16))
    shown.paste((0, 255, 0), (24, 0, 48, 16))
    tag = Image.Exif()
    tag[274] = orientation
    turned = shown.transpose(STORED[orientation]) if orientation in STORED else shown
    upright = decoded(stored(shown, kind), 32).astype(int)
    assert np.abs(decoded(stored(turned, kind, exif=tag), 32) - upright).mean() < 3


def header(width: int, height: int) -> bytes:
    """A PNG of this size without its pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(("width", "height"), [(16_000, 10_000), (100_000, 100_000)])
def test_a_very_large_picture_is_refused_in_words_of_our_own(tmp_path: Path, width: int, height: int) -> None:
    file = tmp_path / "huge.png"
    file.write_bytes(header(width, height) + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=r"huge\.png: it has .* pixels, more than 150 million; shrink it"):
            read_picture(file, SIZE)


@pytest.mark.parametrize(
    "content", [b"", b"junk", b"\x89PNG\r\n\x1a\nno", b"GIF89a", b"\xff\xd8\xff", b"BM" + bytes(60)]
)
def test_what_is_no_picture_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read the image .*odd.png: .*; repair or remove it"):
        read_picture(tmp_path / "odd.png", SIZE)


def test_a_picture_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no image .*missing.png; name files that are there"):
        read_picture(tmp_path / "missing.png", SIZE)


@given(content=st.binary(max_size=200), cut=st.integers(1, 300))
def test_no_damage_ends_in_another_error(content: bytes, cut: int) -> None:
    whole = stored(Image.effect_noise((SIZE, SIZE), 50), "PNG")
    for damaged in (content, whole[:cut] + content):
        try:
            assert decoded(damaged, SIZE).shape == (3, SIZE, SIZE)
        except Unreadable as error:
            assert str(error)
