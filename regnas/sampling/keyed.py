"""Randomness that depends on a key alone, never on the order or the number of workers."""

from __future__ import annotations

import hashlib
import json

import numpy as np

Key = int | str


def _digest(key: tuple[Key, ...]) -> bytes:
    return hashlib.sha256(json.dumps(key, separators=(",", ":")).encode()).digest()


def generator(*key: Key) -> np.random.Generator:
    """A generator whose stream is a function of ``key``; equal keys give equal streams."""
    words = np.frombuffer(_digest(key)[:16], dtype="<u4")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words.tolist())))


def integer(*key: Key) -> int:
    """An integer in [0, 2**31), a function of ``key``: a seed for code that takes integers."""
    return int.from_bytes(_digest(key)[:4], "little") & 0x7FFFFFFF
