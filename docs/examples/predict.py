"""Name what images show, with a network that regnas trained: pictures are read and normalised as in its training.

python docs/examples/predict.py regnas-runs/regnetx-random-0/final-30 shoe.png
"""

from __future__ import annotations

import sys

import regnas


def predict(folder: str, picture: str) -> tuple[str, float]:
    """The most probable class of an image, and its probability."""
    (found,) = regnas.load(folder).predict(picture)
    return found.class_name, found.probability


if __name__ == "__main__":
    for picture in sys.argv[2:]:
        name, probability = predict(sys.argv[1], picture)
        print(f"{picture}: {name} ({probability:.0%})")
