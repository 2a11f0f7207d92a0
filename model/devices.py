"""Where networks run and in which number format, chosen in one place for rendering, training and evaluation."""

from __future__ import annotations

import functools
import os
import time

import torch
import torch.nn.functional as F

from model.errors import InputError

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
PROBE_CHANNELS, PROBE_SIDE = 32, 64  # channels and pixels a side of the convolution that bfloat16 is tried on
PROBES = 5  # timings of each format, of which the fastest counts
BFLOAT16_GAIN = 1.1  # times faster than float32 that bfloat16 must be, to be worth its rounding


def devices() -> list[str]:
    """Names of the devices that PyTorch finds here, the best first."""
    found = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def pick_device(name: str) -> torch.device:
    """The device called ``name``; "auto" is the best one, or under torchrun this process's own GPU.

    Raises InputError, with the devices that are here, for any other.
    """
    found = devices()
    if name == "auto":
        return torch.device(found[0] if found[0] == "cpu" else _own_gpu(found[0]))
    full = "cuda:0" if name == "cuda" else name
    if full not in found:
        raise InputError(
            f"device {name!r} is not here; allowed is auto, {', '.join(found)}.",
            field="device",
            value=name,
            allowed=["auto", *found],
        )
    return torch.device(_own_gpu(full) if name == "cuda" else full)


def _own_gpu(name: str) -> str:
    """``name``, or where torchrun has started several processes, the GPU with this process's number."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if name.startswith("cuda") and "LOCAL_RANK" in os.environ else name


def engine_precision(name: str, device: torch.device) -> torch.dtype:
    """The number format of rendering: float32 anywhere, float16 and bfloat16 on CUDA, bfloat16 on CPUs where it is
    faster. Raises InputError for any other."""
    allowed = list(PRECISIONS) if device.type == "cuda" else ["float32"]
    if device.type == "cpu" and name == "bfloat16" and bfloat16_gain() >= BFLOAT16_GAIN:
        allowed.append(name)
    if name not in allowed:
        slow = ", where this CPU computes it no faster" if device.type == "cpu" and name == "bfloat16" else ""
        raise InputError(
            f"precision {name!r} is not for device {device}{slow}; allowed is {' or '.join(allowed)} there.",
            field="precision",
            value=name,
            allowed=allowed,
        )
    return PRECISIONS[name]


def training_precision(name: str, device: torch.device) -> torch.dtype:
    """The number format of autocast in training: the one named, or for "auto" bfloat16 on CUDA and on CPUs where
    convolutions with their gradients are faster in it, else float32."""
    if name != "auto":
        return PRECISIONS[name]
    if device.type == "cuda":
        return torch.bfloat16
    faster = device.type == "cpu" and bfloat16_gain(gradients=True) >= BFLOAT16_GAIN
    return torch.bfloat16 if faster else torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """A context in which networks are trained in a number format; in float32 it changes nothing."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


@functools.cache
def bfloat16_gain(gradients: bool = False) -> float:
    """How many times faster than float32 this CPU computes a 3×3 convolution in bfloat16, its ``gradients`` included
    where they are wanted: 2 to 3 on processors with matrix units, far below 1 without."""
    seconds = [_probe(dtype, gradients) for dtype in (torch.float32, torch.bfloat16)]
    return seconds[0] / seconds[1]


def _probe(dtype: torch.dtype, gradients: bool) -> float:
    """Seconds of one convolution in a number format, the fastest of a few."""
    weight = torch.zeros(PROBE_CHANNELS, PROBE_CHANNELS, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
    picture = torch.zeros(1, PROBE_CHANNELS, PROBE_SIDE, PROBE_SIDE, dtype=dtype).to(memory_format=torch.channels_last)
    tries = []
    with torch.inference_mode(False), torch.set_grad_enabled(gradients):
        weight.requires_grad_(gradients)
        picture.requires_grad_(gradients)
        for _ in range(PROBES):
            started = time.perf_counter()
            result = F.conv2d(picture, weight, padding=1)
            if gradients:
                result.sum().backward()
            tries.append(time.perf_counter() - started)
    return min(tries)
