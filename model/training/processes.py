"""The processes that train one network together, and what they tell each other; often there is only one."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


def process_count() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def process_rank() -> int:
    """This process's number, 0 for the first one."""
    return dist.get_rank() if dist.is_initialized() else 0


def average(gradients: list[Tensor]) -> None:
    """Each gradient becomes its mean over all processes."""
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= process_count()
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients])):
        gradient.copy_(part.view_as(gradient))


def any_of_them(wanted: bool, device: torch.device) -> bool:
    """Whether any process wants it: all of them must ask in the same step, and get the same answer."""
    votes = torch.tensor(float(wanted), device=device)
    dist.all_reduce(votes, dist.ReduceOp.MAX)
    return bool(votes.item())
