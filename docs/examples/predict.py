"""Name what an image shows, with a network that regnas trained.

python docs/examples/predict.py regnas-runs/regnetx-random-0/best shoe.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

import regnas
from regnas.pictures import read_picture


def predict(folder: str, picture: str) -> tuple[str, float]:
    """The most probable class of an image, and its probability."""
    facts = json.loads((Path(folder) / "architecture.json").read_text())
    size = facts["resolution"]
    pixels = torch.from_numpy(read_picture(picture, size, channels=len(facts["mean"])).astype(np.float32))
    mean, std = (torch.tensor(facts[name]).reshape(-1, 1, 1) for name in ("mean", "std"))
    batch = ((pixels - mean) / std).expand(3, size, size)[None]
    with torch.inference_mode():
        probabilities = regnas.load(folder)(batch).softmax(1)[0]
    best = int(probabilities.argmax())
    return facts["class_names"][best], float(probabilities[best])


if __name__ == "__main__":
    name, probability = predict(sys.argv[1], sys.argv[2])
    print(f"{name} ({probability:.0%})")
