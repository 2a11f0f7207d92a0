"""Convolutions and matrix products whose weights are rearranged once into the layout that oneDNN reads.

On a CPU they call the operations that PyTorch's own compiler uses. The usual operations rearrange a weight at each
call, which costs a tenth of a picture's time; and oneDNN's matrix products are more than twice as fast as MKL's on
processors that MKL was not made for. Where these operations are not available, the usual ones are called.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ONE = [1, 1]  # stride and dilation of every convolution here
NARROW = 24  # matrices with fewer rows are not rearranged: it would cost more time than it saves
PRODUCT_BYTES = 4 * 2**20  # bytes of narrow products that are made at once, so that a core's cache still holds them


class Convolution:
    """A convolution of stride 1 that keeps the size: [N, h, w, inputs] → [N, h, w, outputs]."""

    def __init__(self, conv: nn.Conv2d, height: int, width: int) -> None:
        """``height`` and ``width`` are the pictures' h and w, for which the weight is laid out."""
        self.groups, self.padding, self.bias = conv.groups, [conv.kernel_size[0] // 2] * 2, conv.bias
        self.packed = can_pack(conv.weight)
        if self.packed:
            self.weight = torch._C._nn.mkldnn_reorder_conv2d_weight(  # type: ignore[call-arg]
                conv.weight.contiguous().to_mkldnn(),
                self.padding,
                ONE,
                ONE,
                self.groups,
                [1, conv.in_channels, height, width],
            )
        else:
            self.weight = conv.weight.contiguous(memory_format=torch.channels_last)

    def __call__(self, x: Tensor) -> Tensor:
        image, shape = x.permute(0, 3, 1, 2), (self.padding, ONE, ONE, self.groups)
        if self.packed:
            y: Tensor = torch.ops.mkldnn._convolution_pointwise(image, self.weight, self.bias, *shape, "none", [], "")
        else:
            y = F.conv2d(image, self.weight, self.bias, padding=self.padding, groups=self.groups)
        return y.permute(0, 2, 3, 1).contiguous()

    def add_to(self, y: Tensor, x: Tensor) -> None:
        """Add the convolution of x [N, h, w, inputs] to y [N, h, w, outputs] in place."""
        if not self.packed:
            y += self(x)
            return
        image, target, shape = x.permute(0, 3, 1, 2), y.permute(0, 3, 1, 2), (self.padding, ONE, ONE, self.groups)
        torch.ops.mkldnn._convolution_pointwise_.binary(
            target, image, self.weight, self.bias, *shape, "add", 1.0, None, [], None
        )


class GroupedProduct:
    """A matrix product for each group of columns: [rows, groups·k] → [groups, rows, n].

    The number of rows is always a multiple of ``step``. With few rows the libraries take other paths, whose last bit
    differs, and oneDNN prepares itself anew for every other number of rows.
    """

    def __init__(self, weights: Tensor) -> None:
        """weights: [groups, k, n], one matrix for each group."""
        self.groups, rows, self.columns = weights.shape
        self.packed = rows >= NARROW and can_pack(weights)
        self.step = 64 if self.packed else 16  # rows
        self.weights: Tensor | list[Tensor] = weights
        if self.packed:
            self.weights = [torch.ops.mkldnn._reorder_linear_weight(weight.T.contiguous()) for weight in weights]

    def __call__(self, a: Tensor) -> Iterator[Tensor]:
        """a [rows, groups·k] → parts [some groups, rows, n], all groups in turn; rows do not affect each other."""
        parts = a.view(len(a), self.groups, -1).transpose(0, 1)
        if self.packed:
            for part, weight in zip(parts, self.weights):
                yield torch.ops.mkldnn._linear_pointwise(part, weight, None, "none", [], "")[None]
            return
        together = max(1, PRODUCT_BYTES // (4 * len(a) * self.columns))
        for start in range(0, self.groups, together):
            chosen = slice(start, start + together)
            yield torch.bmm(parts[chosen], self.weights[chosen])  # type: ignore[arg-type]


def can_pack(weight: Tensor) -> bool:
    """Whether PyTorch has oneDNN's operations for this weight's device and number format."""
    return (
        weight.device.type == "cpu"
        and weight.dtype in (torch.float32, torch.bfloat16)
        and torch.backends.mkldnn.is_available()
        and all(hasattr(torch.ops.mkldnn, name) for name in OPERATIONS)
        and hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
    )


OPERATIONS = ("_convolution_pointwise", "_convolution_pointwise_", "_linear_pointwise", "_reorder_linear_weight")
