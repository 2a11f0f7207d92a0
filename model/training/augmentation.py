"""How photos are varied while a segmenter learns: what cameras, apps and people do to photos before we see them."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

UNKNOWN = -1  # label of a pixel that counts for nothing
ZOOM = (0.72, 1.25)  # how many times larger things are shown
STRETCH = 0.15  # how much longer or shorter one side, relatively
BRIGHTNESS, CONTRAST, SATURATION, CAST, GAMMA = 0.15, 0.25, 0.4, 0.1, 0.3
GREY_SHARE, BLUR_SHARE, NOISE_SHARE, JPEG_SHARE = 0.04, 0.25, 0.25, 0.35
BLUR_RADIUS, WIDEST_BLUR, STRONGEST_NOISE = 4, 1.8, 0.08  # pixels; pixels; of [−1, 1]
JPEG_QUALITY = (15, 90)


def augmented(photos: Tensor, labels: Tensor, size: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    """Photos [N, 3, H, W] in [−1, 1] and labels long [N, H, W], each pair zoomed, stretched and moved in a frame of
    ``size`` (h, w), the photo's colours changed, blurred, made noisy, compressed. What lies outside of a photo is grey,
    and ``UNKNOWN``.

    A function of ``seed``: a run that is resumed sees what it would have seen.
    """
    random = torch.Generator().manual_seed(seed)
    photos, labels = _moved(photos, labels, size, random)
    photos = _noisy(_blurred(_recoloured(photos, random), random), random)
    return _compressed(photos.clamp(-1, 1), random), labels


def with_backdrops(photos: Tensor, behind: Tensor, share: float, seed: int) -> Tensor:
    """Photos [N, 3, H, W] in [−1, 1], that ``share`` of them with a plain, softly graded wall where bool [N, H, W]
    ``behind`` holds. A function of ``seed``."""
    random = torch.Generator().manual_seed(seed)
    count, _, height, width = photos.shape
    colour = _uniform(count, -0.9, 1, random) + 0.15 * torch.randn(count, 3, 1, 1, generator=random)
    slope = 0.2 * torch.randn(2, count, 1, 1, 1, generator=random)
    rows, columns = torch.linspace(-0.5, 0.5, height)[:, None], torch.linspace(-0.5, 0.5, width)
    wall = (colour + slope[0] * rows + slope[1] * columns).clamp(-1, 1).to(photos.device)
    alpha = F.avg_pool2d(behind[:, None].float(), 3, 1, 1, count_include_pad=False)  # a soft outline
    chosen = _chosen(count, share, random).to(photos.device)
    return torch.where(chosen, photos + alpha * (wall - photos), photos)


def _uniform(count: int, low: float, high: float, random: torch.Generator) -> Tensor:
    """[N, 1, 1, 1]"""
    return (low + (high - low) * torch.rand(count, generator=random)).view(-1, 1, 1, 1)


def _chosen(count: int, share: float, random: torch.Generator) -> Tensor:
    """bool [N, 1, 1, 1]"""
    return (torch.rand(count, generator=random) < share).view(-1, 1, 1, 1)


def _moved(photos: Tensor, labels: Tensor, size: tuple[int, int], random: torch.Generator) -> tuple[Tensor, Tensor]:
    count = len(photos)
    zoom = _uniform(count, math.log(ZOOM[0]), math.log(ZOOM[1]), random).exp()
    stretch = _uniform(count, -STRETCH, STRETCH, random).exp()
    theta = torch.zeros(count, 2, 3)
    for axis, factor in enumerate((zoom * stretch, zoom / stretch)):  # x, y
        shown = size[1 - axis] / photos.shape[3 - axis] / factor.view(-1)  # share of the photo's side in the frame
        room = (1 - shown).abs()
        theta[:, axis, axis] = shown
        theta[:, axis, 2] = room * (2 * torch.rand(count, generator=random) - 1)
    grid = F.affine_grid(theta.to(photos.device), [count, 3, *size], align_corners=False)
    pictures = F.grid_sample(photos, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    shifted = (labels - UNKNOWN).float()[:, None]  # what lies outside becomes 0, hence UNKNOWN
    maps = F.grid_sample(shifted, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return pictures, maps[:, 0].round().long() + UNKNOWN


def _recoloured(photos: Tensor, random: torch.Generator) -> Tensor:
    count, device = len(photos), photos.device
    gamma = _uniform(count, -GAMMA, GAMMA, random).exp().to(device)
    gain = 1 + CAST * (2 * torch.rand(count, 3, 1, 1, generator=random) - 1).to(device)
    contrast = _uniform(count, 1 - CONTRAST, 1 + CONTRAST, random).to(device)
    brightness = _uniform(count, -BRIGHTNESS, BRIGHTNESS, random).to(device)
    saturation = _uniform(count, 1 - SATURATION, 1 + SATURATION, random)
    saturation = torch.where(_chosen(count, GREY_SHARE, random), 0.0, saturation).to(device)
    x = ((photos + 1) / 2).clamp(0, 1).pow(gamma) * gain * 2 - 1
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * saturation
    middle = x.mean((1, 2, 3), keepdim=True)
    return middle + (x - middle) * contrast + brightness


def _blurred(photos: Tensor, random: torch.Generator) -> Tensor:
    """By a Gaussian of its own for each photo; those that are not chosen get one that changes nothing."""
    count = len(photos)
    sigma = torch.where(_chosen(count, BLUR_SHARE, random), _uniform(count, 0.4, WIDEST_BLUR, random), 0.01)
    offsets = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1.0)
    kernel = (-0.5 * (offsets / sigma.view(-1, 1)).square()).exp()
    kernel = (kernel / kernel.sum(1, keepdim=True)).to(photos.device).repeat_interleave(3, 0)  # [3N, K]
    flat = photos.reshape(1, -1, *photos.shape[2:])
    flat = F.conv2d(F.pad(flat, [BLUR_RADIUS] * 4, mode="replicate"), kernel[:, None, None], groups=len(kernel))
    return F.conv2d(flat, kernel[:, None, :, None], groups=len(kernel)).view_as(photos)


def _noisy(photos: Tensor, random: torch.Generator) -> Tensor:
    count = len(photos)
    strength = torch.where(_chosen(count, NOISE_SHARE, random), _uniform(count, 0, STRONGEST_NOISE, random), 0.0)
    return photos + (torch.randn(photos.shape, generator=random) * strength).to(photos.device)


def _compressed(photos: Tensor, random: torch.Generator) -> Tensor:
    chosen = _chosen(len(photos), JPEG_SHARE, random).flatten()
    qualities = torch.randint(*JPEG_QUALITY, (len(photos),), generator=random).tolist()
    result = photos.clone()
    for number in chosen.nonzero().flatten().tolist():
        pixels = ((photos[number] + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=qualities[number])
        again = torch.from_numpy(np.array(Image.open(file)))
        result[number] = again.permute(2, 0, 1).to(photos.device, photos.dtype) / 127.5 - 1
    return result
