"""Name what an image shows, with a network that regnas trained.

python docs/examples/predict.py regnas-runs/regnetx-random-0/best shoe.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

import regnas


def predict(folder: str, picture: str) -> tuple[str, float]:
    """The most probable class of an image, and its probability."""
    facts = json.loads((Path(folder) / "architecture.json").read_text())
    size, grey = facts["resolution"], len(facts["mean"]) == 1
    with Image.open(picture) as opened:
        image = ImageOps.fit(opened.convert("L" if grey else "RGB"), (size, size))
    pixels = torch.from_numpy(np.array(image, dtype=np.float32)).reshape(size, size, -1).permute(2, 0, 1)
    mean, std = (torch.tensor(facts[name]).reshape(-1, 1, 1) for name in ("mean", "std"))
    batch = ((pixels - mean) / std).expand(3, size, size)[None]
    with torch.inference_mode():
        probabilities = regnas.load(folder)(batch).softmax(1)[0]
    best = int(probabilities.argmax())
    return facts["class_names"][best], float(probabilities[best])


if __name__ == "__main__":
    name, probability = predict(sys.argv[1], sys.argv[2])
    print(f"{name} ({probability:.0%})")
