"""Programs that load an exported file and name a picture, without regnas: they read pictures as training did.

Pictures of floats and of LAB, which `regnas.pictures` reads too, are left out of them.
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

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession({file!r})
about = session.get_modelmeta().custom_metadata_map
names, size = json.loads(about["class_names"]), json.loads(about["resolution"])
"""
_PT2 = """\
import json
import sys

import numpy as np
import torch
from PIL import Image, ImageOps

extra = {{{extra!r}: ""}}
network = torch.export.load({file!r}, extra_files=extra).module()
about = json.loads(extra[{extra!r}])
names, size = about["class_names"], about["resolution"]
"""
_TORCH = """
import sys

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
_NORMALISED = """\
mean, std = ({numbers} for name in ("mean", "std"))
images = (np.stack([pixels(file) for file in sys.argv[1:]]).astype(np.float32) - mean) * (1 / std)
images = np.ascontiguousarray(np.broadcast_to(images, (*images.shape[:3], 3)).transpose(0, 3, 1, 2))
"""
_NUMBERS = {
    ".onnx": "np.array(json.loads(about[name]), np.float32)",
    ".pt2": "np.array(about[name], np.float32)",
    ".safetensors": "np.array(about[name], np.float32)",
}
_NAMED = """\
odds = np.exp(logits - logits.max(1, keepdims=True))
for file, row in zip(sys.argv[1:], odds / odds.sum(1, keepdims=True)):
    print(f"{file}: {names[row.argmax()]} {row.max():.1%}")
"""


def onnx_lines(path: Path, shipment: Shipment) -> str:
    """For ONNX Runtime."""
    run = f'logits = session.run(["logits"], {{"{shipment.input_name}": images}})[0]\n'
    return _ONNX.format(file=str(path)) + _read(shipment.preprocessing) + _images(shipment, ".onnx") + run + _NAMED


def pt2_lines(path: Path, shipment: Shipment) -> str:
    """For torch."""
    run = "with torch.inference_mode():\n    logits = network(torch.from_numpy(images)).numpy()\n"
    return (
        _PT2.format(file=str(path), extra=EXTRA)
        + _read(shipment.preprocessing)
        + _images(shipment, ".pt2")
        + run
        + _NAMED
    )


def torch_lines(path: Path, made: Preprocessing) -> str:
    """What follows a program that makes a ``network`` in torch: by itself it loads the weights and names pictures.

    Args:
        path: of the weights, safetensors.
    """
    known = {name: value for name, value in made.to_json().items() if name in ("class_names", "resolution", *_SCALE)}
    load = f"network.load_state_dict(load_file({str(path)!r}))\nnetwork.eval()\n"
    run = "with torch.inference_mode():\n    logits = network(torch.from_numpy(images)).numpy()\n"
    images = _NORMALISED.format(numbers=_NUMBERS[".safetensors"])
    body = indent(load + images + run + _NAMED, "    ")
    return _TORCH.format(about=known) + _read(made) + f'if __name__ == "__main__":\n{body}'


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
    planes = "" if shipment.layout == LAYOUTS[0] else ".transpose(0, 3, 1, 2)"
    return f"images = np.ascontiguousarray(np.stack([pixels(file) for file in sys.argv[1:]]){planes})\n"
