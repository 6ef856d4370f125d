"""What all verdicts of a comparison come to, in one sentence that a person can repeat."""

from __future__ import annotations

from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.verdict import EQUAL
from regnas.studies.reporting.words import listed


def conclusion(comparison: Comparison) -> str:
    """Which spaces no other is better than in the mean.

    "" below three spaces, where the verdict says it, and where each is worse than another: every pair has bins of its
    own, so verdicts may go round.
    """
    judged = [pair.judgement for pair in comparison.pairs]
    if len(judged) < 2:
        return ""
    names, places = comparison.called, range(len(comparison.names))
    equal = {frozenset((one.first, one.second)) for one in judged if one.kind == EQUAL}
    beaten = {(one.winner, one.first + one.second - one.winner) for one in judged if one.winner is not None}
    best = [place for place in places if all(loser != place for _, loser in beaten)]
    if not best:
        return ""
    among = [frozenset((one, other)) for one in best for other in best if one < other]
    alike = "are practically equal" if all(pair in equal for pair in among) else "cannot be told apart"
    if not beaten:
        return f"In the mean all {len(names)} spaces {alike}."
    groups: dict[tuple[int, ...], list[str]] = {}
    for place in best:
        below = tuple(loser for loser in places if (place, loser) in beaten)
        groups.setdefault(below, []).append(names[place])
    parts = [
        f"{listed(group)} {'is' if len(group) == 1 else 'are each'} "
        + (
            f"better than {listed([names[loser] for loser in below])}"
            if below
            else "neither better nor worse than others"
        )
        for below, group in groups.items()
    ]
    if len(best) > 1:
        parts.append(f"{listed([names[place] for place in best])} {alike}")
    return f"In the mean {'; '.join(parts)}."
