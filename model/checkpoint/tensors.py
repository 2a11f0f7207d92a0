"""Networks and their safetensors files. Tensors of a wrong shape or with NaN are refused before they are loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from model.checkpoint.manifest import State, bad_checkpoint, check_file_size, our_manifest, refuse_misfit

HALF_MAX = torch.finfo(torch.float16).max  # the largest float16 number


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata in a safetensors file's header; raises InputError "bad_checkpoint" where it cannot be read."""
    try:
        check_file_size(path.name, path.stat().st_size)
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise bad_checkpoint(f"{path.name} cannot be read as safetensors: {error}.") from error


def load_tensors(network: nn.Module, path: Path, **details: Any) -> None:
    """Load a file's tensors into a network on the meta device; shapes are compared before any tensor is read.

    Raises InputError "bad_checkpoint", to whose details ``details`` are added.
    """
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {key: list(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
            refuse_misfit(path.name, shapes, our_manifest(network), **details)
            state = {
                key: file.get_tensor(key).clone() for key in shapes
            }  # copied, so that they outlive the file's memory map
    except (SafetensorError, OSError) as error:
        raise bad_checkpoint(f"{path.name} cannot be read as safetensors: {error}.") from error
    fill(network, state, path.name)


def fill(network: nn.Module, state: State, name: str) -> None:
    """Load tensors into a network on the meta device, as float32, and put it into eval mode without gradients.

    Raises InputError "bad_checkpoint" for NaN, infinity, negative variances and tensors of whole numbers; ``name`` is
    the file's.
    """
    problems = []
    for key, tensor in state.items():
        if key.endswith("num_batches_tracked"):
            continue
        if not tensor.is_floating_point():
            problems.append(f"{key} holds {str(tensor.dtype).removeprefix('torch.')} numbers, expected floating point")
            continue
        state[key] = tensor = tensor.float().contiguous()
        broken = int(tensor.numel() - torch.isfinite(tensor).sum())
        if broken:
            problems.append(f"{key} holds NaN or infinity {broken:,} times")
        elif key.endswith("running_var") and bool((tensor < 0).any()):
            problems.append(f"{key} holds a variance below 0")
    if problems:
        raise bad_checkpoint(f"{name} is damaged", problems, file=name)
    network.load_state_dict(state, assign=True)
    network.eval().requires_grad_(False)


def stored(network: nn.Module, half: bool) -> State:
    """A network's tensors as a file stores them: on the CPU; with ``half``, weights are float16 wherever they fit."""
    state: State = {}
    for key, tensor in network.state_dict().items():
        tensor = tensor.detach().cpu().contiguous()
        if half and tensor.ndim > 1 and float(tensor.abs().max()) <= HALF_MAX:
            tensor = tensor.half()
        state[key] = tensor
    return state
