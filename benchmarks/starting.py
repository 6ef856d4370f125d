"""What starting costs: processor seconds of the import, and of the command's help.

python -m benchmarks.starting
"""

from __future__ import annotations

import resource
import subprocess
import sys
from statistics import median

REPEATS = 7
STARTS = {
    "Python itself": ("-c", "pass"),
    "import regnas": ("-c", "import regnas"),
    "regnas --help": ("-m", "regnas", "--help"),
    "regnas list strategies": ("-m", "regnas", "list", "strategies"),
}


def seconds(words: tuple[str, ...]) -> float:
    """Processor time of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Print the median of each, Python's own start included; the first start of each warms the disk's cache."""
    for name, words in STARTS.items():
        times = [seconds(words) for _ in range(REPEATS + 1)][1:]
        print(f"  {name:<24} {median(times):6.3f} s")


if __name__ == "__main__":
    main()
