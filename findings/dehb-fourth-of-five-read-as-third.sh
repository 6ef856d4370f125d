#!/usr/bin/env bash
# DEHB 0.1.2 with ConfigSpace 1.2.2: categorical and ordinal parameters of a space.
#
# Guess: a configuration that is turned into DEHB's vector and back is the same, and the first networks have each
# of five operations about equally often.
# Seen: the fourth of five comes back as the third. It is stored as 3 / 5 and read by the bounds j * (1 / 5), and
# 3 * (1 / 5) is the larger in floating point. The first population is drawn from the space and stored so: none
# of it has the fourth operation. Only mutation brings it, so the first bracket has half of its even share and the
# third over half too much. Of ten choices three turn into their neighbours, of 2 to 4 and 6 to 9 none. Nothing warns.
# For a user of NAS: an edge of NAS-Bench-201 has five operations, and in its order the fourth is the 3x3 convolution,
# the third the 1x1. A sixth entry (one twice) or another order moves the loss; configspace_to_vector and back tells.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps dehb==0.1.2 \
    configspace==1.2.2 numpy==1.26.4 scipy==1.17.1 pandas==3.0.6 python-dateutil==4.0.0 tzdata==2026.6 loguru==0.7.3 \
    pyparsing==3.3.3 more-itertools==11.2.1 typing_extensions==4.16.0 dask==2026.8.0 distributed==2026.8.0 \
    click==8.5.1 cloudpickle==3.1.3 fsspec==2026.9.0 importlib_metadata==10.2.0 lazy-importer==0.1.0 jinja2==3.1.6 \
    markupsafe==3.0.4 locket==1.0.0 msgpack==1.2.4 packaging==26.4 partd==1.4.2 psutil==7.2.2 pyyaml==6.0.4 \
    sortedcontainers==2.4.0 tblib==3.2.2 toolz==1.2.0 tornado==6.6.1 zict==3.0.0 zipp==4.1.2
cd "$work"
cat > edges.py <<'P'
from collections import Counter

from ConfigSpace import CategoricalHyperparameter, Configuration, ConfigurationSpace, OrdinalHyperparameter
from dehb import DEHB
from loguru import logger

logger.remove()
OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]  # the order of NAS-Bench-201


def search(parameters):
    space = ConfigurationSpace(seed=0)
    space.add(parameters)
    return space, DEHB(f=None, cs=space, min_fidelity=1, max_fidelity=243, n_workers=1, seed=0, output_path="dehb")


def shares(operations):
    """How often each operation is on the edges of the 243 networks of the first bracket, 1 is even."""
    _, made = search([CategoricalHyperparameter(f"edge{one}", operations) for one in range(6)])
    counts = Counter(operation for job in made.ask(243) for operation in dict(job["config"]).values())
    return {one: counts[one] * len(operations) / (243 * 6) for one in operations}


def there_and_back(kind, size):
    space, made = search([kind("depth", list(range(1, size + 1)))])
    for depth in range(1, size + 1):
        vector = made.configspace_to_vector(Configuration(space, {"depth": depth}))
        back = made.vector_to_configspace(vector)["depth"]
        if back != depth:
            yield f"{depth} is {back}"


for operations in (OPERATIONS[:4], OPERATIONS, [*OPERATIONS, "max_pool_3x3"]):
    found = shares(operations)
    rare = [one for one, share in found.items() if share < 0.6] or ["none"]
    frequent = [one for one, share in found.items() if share > 1.4] or ["none"]
    print(f"{len(operations)} operations an edge, rare:", *rare, "- frequent:", *frequent)
for kind in (CategoricalHyperparameter, OrdinalHyperparameter):
    for size in range(2, 13):
        print(f"{kind.__name__} of 1 to {size}, there and back:", ", ".join(there_and_back(kind, size)) or "the same")
P
"$work/venv/bin/python" -W ignore edges.py > seen 2> log || { cat log; exit 1; }
cat seen
diff - seen <<'O'
4 operations an edge, rare: none - frequent: none
5 operations an edge, rare: nor_conv_3x3 - frequent: nor_conv_1x1
6 operations an edge, rare: none - frequent: none
CategoricalHyperparameter of 1 to 2, there and back: the same
CategoricalHyperparameter of 1 to 3, there and back: the same
CategoricalHyperparameter of 1 to 4, there and back: the same
CategoricalHyperparameter of 1 to 5, there and back: 4 is 3
CategoricalHyperparameter of 1 to 6, there and back: the same
CategoricalHyperparameter of 1 to 7, there and back: the same
CategoricalHyperparameter of 1 to 8, there and back: the same
CategoricalHyperparameter of 1 to 9, there and back: the same
CategoricalHyperparameter of 1 to 10, there and back: 4 is 3, 7 is 6, 8 is 7
CategoricalHyperparameter of 1 to 11, there and back: 6 is 5, 11 is 10
CategoricalHyperparameter of 1 to 12, there and back: the same
OrdinalHyperparameter of 1 to 2, there and back: the same
OrdinalHyperparameter of 1 to 3, there and back: the same
OrdinalHyperparameter of 1 to 4, there and back: the same
OrdinalHyperparameter of 1 to 5, there and back: 4 is 3
OrdinalHyperparameter of 1 to 6, there and back: the same
OrdinalHyperparameter of 1 to 7, there and back: the same
OrdinalHyperparameter of 1 to 8, there and back: the same
OrdinalHyperparameter of 1 to 9, there and back: the same
OrdinalHyperparameter of 1 to 10, there and back: 4 is 3, 7 is 6, 8 is 7
OrdinalHyperparameter of 1 to 11, there and back: 6 is 5, 11 is 10
OrdinalHyperparameter of 1 to 12, there and back: the same
O
