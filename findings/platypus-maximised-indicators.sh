#!/usr/bin/env bash
# Platypus-Opt 1.4.1: the indicators of fronts whose objectives are to be maximised (Direction.MAXIMIZE).
#
# Guess: an indicator reads the directions of the problem, as the archives and Hypervolume do: fronts that mirror each
# other, accuracy for error, get the same value.
# Seen: so for the two distances. EpsilonIndicator takes every objective as minimised: with both maximised, a front that
# the other dominates in every point gets the smaller, better value. Hypervolume is right between the bounds, but
# drops what is above the upper one, whichever way is better: a maximised objective beyond its best bound makes the
# whole solution count as nothing (0 for 0.5), one beyond its worst bound stays and takes volume away. Nothing warns.
# For a user of NAS: hand these indicators errors, not accuracies; else a network more accurate than `maximum`, or than
# every one of the reference set, counts as nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps platypus-opt==1.4.1
cd "$work"
cat > fronts.py <<'P'
from platypus import Direction, EpsilonIndicator, GenerationalDistance, Hypervolume, InvertedGenerationalDistance
from platypus import Problem, Solution

FRONTS = {
    "good": [(1, 9), (3, 5), (6, 2)],
    "dominated": [(7, 8), (6, 9)],
    "beyond the best": [(-1, 5)],
    "one": [(3, 5)],
    "and one beyond the worst": [(3, 5), (11, 2)],
}
REFERENCE = [(0, 10), (2, 6), (5, 3), (10, 0)]  # as of objectives to be minimised
NAMES = {
    Hypervolume: "hypervolume",
    GenerationalDistance: "GD",
    InvertedGenerationalDistance: "IGD",
    EpsilonIndicator: "epsilon",
}


def solutions(points, directions):
    problem = Problem(1, len(directions))
    problem.directions[:] = directions
    front = []
    for point in points:
        solution = Solution(problem)
        signs = (1 if direction == Direction.MINIMIZE else -1 for direction in directions)
        solution.objectives[:] = [sign * value for sign, value in zip(signs, point, strict=True)]
        solution.constraint_violation = 0.0
        front.append(solution)
    return front


for directions in [(Direction.MINIMIZE,) * 2, (Direction.MINIMIZE, Direction.MAXIMIZE), (Direction.MAXIMIZE,) * 2]:
    print(*(direction.name for direction in directions))
    for name, points in FRONTS.items():
        values = []
        for kind in NAMES:
            value = kind(solutions(REFERENCE, directions)).calculate(solutions(points, directions))
            values.append(f"{NAMES[kind]} {value:.3f}")
        print(f"  {name}: {', '.join(values)}")
P
"$work/venv/bin/python" fronts.py > seen
cat seen
diff - seen <<'O'
MINIMIZE MINIMIZE
  good: hypervolume 0.490, GD 0.082, IGD 0.218, epsilon 0.200
  dominated: hypervolume 0.070, GD 0.367, IGD 0.625, epsilon 0.800
  beyond the best: hypervolume 0.500, GD 0.316, IGD 0.667, epsilon 0.500
  one: hypervolume 0.350, GD 0.141, IGD 0.467, epsilon 0.500
  and one beyond the worst: hypervolume 0.350, GD 0.132, IGD 0.308, epsilon 0.300
MINIMIZE MAXIMIZE
  good: hypervolume 0.490, GD 0.082, IGD 0.218, epsilon 0.100
  dominated: hypervolume 0.070, GD 0.367, IGD 0.625, epsilon 0.600
  beyond the best: hypervolume 0.500, GD 0.316, IGD 0.667, epsilon 0.500
  one: hypervolume 0.350, GD 0.141, IGD 0.467, epsilon 0.500
  and one beyond the worst: hypervolume 0.350, GD 0.132, IGD 0.308, epsilon 0.500
MAXIMIZE MAXIMIZE
  good: hypervolume 0.490, GD 0.082, IGD 0.218, epsilon 0.400
  dominated: hypervolume 0.070, GD 0.367, IGD 0.625, epsilon 0.300
  beyond the best: hypervolume 0.000, GD 0.316, IGD 0.667, epsilon 1.100
  one: hypervolume 0.350, GD 0.141, IGD 0.467, epsilon 0.700
  and one beyond the worst: hypervolume 0.320, GD 0.132, IGD 0.308, epsilon 0.500
O
