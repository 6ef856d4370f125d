"""A strategy as a program of its own, in any language: it reads lines of JSON and answers those that ask.

    regnas search --space regnetx --strategy 'command:python docs/examples/propose.py' --budget 10

This one draws at random until it has seen five networks, and then changes one parameter of the best.
"""

from __future__ import annotations

import json
import random
import sys


def draw(law):
    if law["kind"] == "choice":
        return random.choice(law["values"])
    low, high = law["low"], law["high"]
    value = low * (high / low) ** random.random() if law["log"] else random.uniform(low, high)
    return round(value) if law["kind"] == "int" else value


best, seen = None, 0
for line in sys.stdin:
    said = json.loads(line)
    if said["event"] == "start":
        laws = {law["name"]: law for law in said["parameters"]}
        random.seed(said["seed"])
    elif said["event"] == "tell" and said["error"] is not None:
        seen += 1
        if best is None or said["error"] < best["error"]:
            best = said
    elif said["event"] == "ask":
        point = {name: draw(law) for name, law in laws.items()}
        if seen >= 5:
            changed = random.choice(list(laws))
            point = {**best["params"], changed: point[changed]}
        print(json.dumps({"params": point}), flush=True)
