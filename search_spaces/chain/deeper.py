"""Chains with more layers: each layer repeated, as the blocks of a stage are.

No paper says what a deeper chain with skips is. Here a layer keeps what feeds it, its stride and its place; its copies
follow it one by one with stride 1, and what saw the layer sees the last of them.
"""

from __future__ import annotations

from collections.abc import Sequence


def copies_of(layers: int, total: int) -> list[int]:
    """How often each layer stands in a chain of ``total`` layers, spread evenly; at least once.

    >>> copies_of(4, 6), copies_of(4, 2)
    ([1, 2, 1, 2], [1, 1, 1, 1])
    """
    total = max(layers, total)
    ends = [(number + 1) * total // layers for number in range(layers)]
    return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]


def repeated(inputs: Sequence[Sequence[int]], copies: Sequence[int]) -> list[tuple[int, tuple[int, ...]]]:
    """The layers of a deeper chain: which one each is a copy of, and the numbers of those that feed it.

    Args:
        inputs: of every layer, numbers from 0 of earlier ones.
        copies: of every layer how often it stands, 1 or more.
    """
    found: list[tuple[int, tuple[int, ...]]] = []
    last: list[int] = []
    for number, (feeding, times) in enumerate(zip(inputs, copies, strict=True)):
        found.append((number, tuple(last[one] for one in feeding)))
        found += [(number, (len(found) - 1 + more,)) for more in range(times - 1)]
        last.append(len(found) - 1)
    return found
