"""Programs that load an exported file and name a picture, without regnas: they read pictures as training did.

Pictures of floats, which `regnas.pictures` reads too, are refused by them, and those of LAB are read as Pillow does.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

from regnas.deployment import LAYOUTS, Shipment
from regnas.pictures import BOX
from regnas.preprocessing import Preprocessing

EXTRA = "about.json"  # in a pt2
_SCALE = ("mean", "std")

_ONNX = """\
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession({file})
about = session.get_modelmeta().custom_metadata_map
names, size = json.loads(about["class_names"]), json.loads(about["resolution"])
"""
_PT2 = """\
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

extra = {{{extra!r}: ""}}
network = torch.export.load({file}, extra_files=extra).module()
about = json.loads(extra[{extra!r}])
names, size = about["class_names"], about["resolution"]
"""
_TORCH = """
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file

about = {about}
names, size = about["class_names"], about["resolution"]
"""
_READ = '''

def pixels(file):
    """As in training: upright, on white, {colours}, the middle square."""
    image = ImageOps.exif_transpose(Image.open(file))
    if image.mode == "F":
        raise ValueError("its pixels are floats; save it in 8 or 16 bits")
    if image.mode.startswith("I"):  # 16 bits
        image = Image.fromarray(((np.asarray(image).astype(np.int64).clip(0, 65535) * 2 + 257) // 514).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if image.mode in ("1", "L") else "RGB").convert({mode!r})
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    resampling = {resampling}
    image = image.resize((size, size), resampling, box=(left, top, left + side, top + side))
    return np.asarray(image).reshape(size, size, {channels})


'''
_RESAMPLING = {
    True: "Image.Resampling.BOX",
    False: "Image.Resampling.BOX if side >= 2 * size else Image.Resampling.BICUBIC",
}
_NORMALISED = '''\
mean, std = ({numbers} for name in ("mean", "std"))


def prepared(file):
    """What the network takes: normalised, planes first, one picture."""
    image = (pixels(file)[None].astype(np.float32) - mean) * (1 / std)
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:3], 3)).transpose(0, 3, 1, 2))


'''
_INSIDE = '''\
def prepared(file):
    """What the network takes: pixels as they are, one picture."""
    return np.ascontiguousarray(pixels(file)[None]{planes})


'''
_NUMBERS = {
    ".onnx": "np.array(json.loads(about[name]), np.float32)",
    ".pt2": "np.array(about[name], np.float32)",
    ".safetensors": "np.array(about[name], np.float32)",
}
_NAMED = """\
if len(sys.argv) < 2:
    sys.exit(f"name pictures: python {{sys.argv[0]}} PICTURE ...")
unread = False
for file in sys.argv[1:]:
    try:
        image = prepared(file)
    except Exception as error:  # Pillow raises many kinds
        print(f"cannot read {{file}}: {{error}}", file=sys.stderr)
        unread = True
        continue
    {logits}
    odds = np.exp(logits - logits.max())
    print(f"{{file}}: {{names[odds.argmax()]}} {{odds.max() / odds.sum():.1%}}")
if unread:
    sys.exit(1)
"""
_IN_TORCH = """\
with torch.inference_mode():
        (logits,) = network(torch.from_numpy(image)).numpy()\
"""


def onnx_lines(path: Path, shipment: Shipment) -> str:
    """For ONNX Runtime."""
    run = f'(logits,) = session.run(["logits"], {{"{shipment.input_name}": image}})[0]'
    start = _ONNX.format(file=_place(path))
    return start + _read(shipment.preprocessing) + _images(shipment, ".onnx") + _NAMED.format(logits=run)


def pt2_lines(path: Path, shipment: Shipment) -> str:
    """For torch."""
    start = _PT2.format(file=_place(path), extra=EXTRA)
    return start + _read(shipment.preprocessing) + _images(shipment, ".pt2") + _NAMED.format(logits=_IN_TORCH)


def torch_lines(path: Path, made: Preprocessing) -> str:
    """What follows a program that makes a ``network`` in torch: by itself it loads the weights and names pictures.

    Args:
        path: of the weights, safetensors; see `onnx_lines`.
    """
    known = {name: value for name, value in made.to_json().items() if name in ("class_names", "resolution", *_SCALE)}
    load = f"network.load_state_dict(load_file({_place(path)}))\nnetwork.eval()\n"
    body = indent(load + _NAMED.format(logits=_IN_TORCH), "    ")
    read = _read(made) + _NORMALISED.format(numbers=_NUMBERS[".safetensors"])
    return f'{_TORCH.format(about=known)}{read}if __name__ == "__main__":\n{body}'


def _place(path: Path) -> str:
    """Code of the name of a file: one without a folder lies beside the program, wherever that is run."""
    if path.parent == Path():
        return f"str(Path(sys.argv[0]).with_name({str(path)!r}))"
    return repr(str(path))


def _read(made: Preprocessing) -> str:
    grey = made.channels == 1
    return _READ.format(
        colours="grey" if grey else "in colours",
        mode="L" if grey else "RGB",
        resampling=_RESAMPLING[made.resampling == BOX],
        channels=made.channels,
    )


def _images(shipment: Shipment, suffix: str) -> str:
    if not shipment.inside:
        return _NORMALISED.format(numbers=_NUMBERS[suffix])
    return _INSIDE.format(planes="" if shipment.layout == LAYOUTS[0] else ".transpose(0, 3, 1, 2)")
