"""Ray: started on this machine alone, or a cluster that answers, has this regnas, and is checked before it is used."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from typing import Any

from regnas.errors import RegnasError
from regnas.studies.executors.ray.probe import LOOPBACK, is_here, probe
from regnas.system.processes import variables

_JOIN = 30.0  # seconds for `ray.init`
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


@contextmanager
def _on_loopback() -> Iterator[None]:
    """`LOOPBACK`, also where Ray was imported before and has read its environment."""
    from ray._private import ray_constants

    before = getattr(ray_constants, "ENABLE_RAY_CLUSTER", None)
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _silent() -> Iterator[None]:
    """Without Ray's warnings, such as that a token guards its servers: what goes wrong is raised, too."""
    logger = logging.getLogger("ray")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def start_here(cpus: int) -> Any:
    """Ray on this machine, for this process alone; returns the package.

    Raises:
        RegnasError: it does not start, such as on a machine that is very busy; nothing is left of it.
    """
    with variables(**_QUIET, **LOOPBACK), _on_loopback(), _silent():
        import ray

        try:
            ray.init(
                address="local",
                num_cpus=cpus,
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
                _node_ip_address="127.0.0.1",
            )
        except Exception as error:
            ray.shutdown()  # what has started of it
            raise RegnasError(
                f"Ray does not start on this machine ({_first_line(error)}); --executor process does without"
            ) from error
    return ray


def connect(address: str) -> Any:
    """The package, connected to a cluster that has this regnas on every node.

    Raises:
        RegnasError: nothing answers, something else does, or a node lacks regnas.
    """
    probe(address)
    import ray

    with variables(**_QUIET), _silent(), _on_loopback() if is_here(address) else nullcontext():
        _bounded(lambda: ray.init(address=address, log_to_driver=False, configure_logging=False), address)
    try:
        check_nodes(ray)
    except BaseException:
        ray.shutdown()
        raise
    return ray


def _bounded(init: Callable[[], object], address: str, seconds: float = _JOIN) -> None:
    """Run `ray.init`, which waits without end for a cluster that half answers."""
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            init()
            ended.put(None)
        except BaseException as error:
            ended.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        error = ended.get(timeout=seconds)
    except queue.Empty:
        raise RegnasError(
            f"the Ray cluster at {address} answers, and this machine could not join it in {seconds:g} s: can the "
            f"cluster's other ports be reached from here?"
        ) from None
    if error is not None:
        raise RegnasError(f"the Ray cluster at {address} refuses: {_first_line(error)}") from error


def check_nodes(ray: Any, ours: str | None = None) -> None:
    """Whether every node has this regnas.

    Raises:
        RegnasError: names the node, both versions, and the way out.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ours = ours or version("regnas")

    def found() -> str:  # pickled by value, for it is a function in a function: the node may not have regnas
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("regnas")
        except PackageNotFoundError:
            return "no regnas"

    asked = {}
    for node in ray.nodes():
        if node["Alive"]:
            where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked[node["NodeManagerAddress"]] = (
                ray.remote(found).options(num_cpus=0, scheduling_strategy=where).remote()
            )
    for name, reference in asked.items():
        try:
            there = ray.get(reference, timeout=60)
        except Exception as error:
            raise RegnasError(f"node {name} of the Ray cluster does not answer: {_first_line(error)}") from error
        if there != ours:
            raise RegnasError(
                f"node {name} of the Ray cluster has {there if ' ' in there else f'regnas {there}'}, the driver has "
                f"regnas {ours}: install {ours} on the nodes, or start the cluster's jobs with a runtime_env that does"
            )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
