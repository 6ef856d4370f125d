"""Runtimes: what makes a network ready to run on zeros of a batch, and what a runtime says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regnas.errors import DeviceError, RegnasError
from regnas.evaluators.latency.setup import Setup

if TYPE_CHECKING:
    import torch

_COLOURS = 3


@dataclass(frozen=True)
class Prepared:
    """A network in a runtime.

    Attributes:
        run: one pass, to its end.
        answer: the logits for given images ``(batch, 3, h, w)``, float32.
    """

    run: Callable[[], object]
    answer: Callable[[torch.Tensor], torch.Tensor]


def prepared(make: Callable[[], torch.nn.Module], resolution: int, setup: Setup, device: str) -> Prepared:
    """A network in evaluation mode, with weights of a fixed seed.

    Args:
        make: of the module, from torch's current seed.
        device: as of `Setup.on`.

    Raises:
        HostError: the runtime is not installed.
        RegnasError: the network cannot be run by it.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = make().eval()
    if setup.runtime == "onnxruntime":
        return _in_onnxruntime(module, resolution, setup)
    return _in_torch(module, resolution, setup, device)


def _in_torch(module: torch.nn.Module, resolution: int, setup: Setup, device: str) -> Prepared:
    import torch

    dtype = getattr(torch, setup.precision)
    try:
        module = module.to(device=device, dtype=dtype)
        images = torch.zeros(setup.batch, _COLOURS, resolution, resolution, device=device, dtype=dtype)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"latency cannot be measured on {device}: {str(error).splitlines()[0]}") from error
    wait = torch.cuda.synchronize if torch.device(device).type == "cuda" else None

    def run() -> None:
        with torch.inference_mode():
            module(images)
        if wait is not None:
            wait()

    def answer(given: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return module(given.to(device=device, dtype=dtype)).float().cpu()  # type: ignore[no-any-return]

    return Prepared(run, answer)


def _in_onnxruntime(module: torch.nn.Module, resolution: int, setup: Setup) -> Prepared:
    import numpy as np
    import torch

    from regnas.deploy.onnx import onnx_bytes
    from regnas.deployment import IMAGES

    model = onnx_bytes(module, (_COLOURS, resolution, resolution))
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = setup.threads, 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of its own kinds, which are not exported
        raise RegnasError(f"onnxruntime refuses this network: {str(error).splitlines()[0]}") from error
    images = {IMAGES: np.zeros((setup.batch, _COLOURS, resolution, resolution), dtype=np.float32)}
    return Prepared(
        lambda: session.run(None, images), lambda given: torch.from_numpy(session.run(None, {IMAGES: given.numpy()})[0])
    )


@contextmanager
def threads(setup: Setup) -> Iterator[None]:
    """torch with the threads of a set-up; as before at the end."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(setup.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def probe() -> torch.nn.Module:
    """A fixed small network: how fast the machine is now, and in which precision a runtime computes."""
    from torch import nn

    layers: list[nn.Module] = []
    for wide_in, wide, groups in ((3, 32, 1), (32, 64, 1), (64, 64, 8), (64, 64, 1)):
        layers += [nn.Conv2d(wide_in, wide, 3, padding=1, groups=groups, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


PROBE_PIXELS = 24


def computes_in(ready: Prepared, batch: int) -> str:
    """The precision that a runtime really computes in, from the error of the probe's logits: some take less than they
    are asked for.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        exact = probe().eval().double()
        images = torch.randn(batch, _COLOURS, PROBE_PIXELS, PROBE_PIXELS)
    with torch.inference_mode():
        wanted = exact(images.double())
    error = float((ready.answer(images).double() - wanted).abs().max() / wanted.abs().max())
    # Units in the last place: 2^-24, 2^-11 and 2^-8; sums of a few hundred products lose little more.
    return "float32" if error < 2e-5 else "float16" if error < 1e-3 else "bfloat16" if error < 5e-2 else "less"


def version_of(setup: Setup) -> str:
    """The runtime with its version."""
    from importlib.metadata import version

    return f"{setup.runtime} {version(setup.runtime)}"


def device_name(device: str) -> str:
    """What computes: the processor's or the GPU's own name."""
    import torch

    if torch.device(device).type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return processor()


def processor() -> str:
    """The processor's own name, with how many the system shows."""
    import os
    import platform

    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    name = value.strip()
                    break
    except OSError:
        pass  # not a Linux
    return f"{name}, {os.cpu_count()} cores"
