"""The engine: a checkpoint on a device, and the modulation of label maps kept from one picture to the next.

    labels ─▶ modulation (cached) ─┐
    codes ─────────────────────────┴▶ generator ─▶ pictures

Only one thread at a time may use an engine: its cache is not locked.
"""

from __future__ import annotations

import copy
import functools
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.checkpoint import Checkpoint
from model.devices import engine_precision, pick_device
from model.engine.fitting import Descent, FitStep, Subject
from model.engine.modulation import MapModulation, ModulationCache
from model.engine.synthesis import Synthesis
from model.errors import InputError, refuse
from model.network import lookup
from model.network.config import CODE_CHANNELS, GroupDNetConfig
from model.network.cost import STEPS
from model.network.groupdnet import Generator
from model.network.layers import instance_edges
from model.perception.features import SegmenterFeatures
from model.perception.label_reader import LabelReader
from model.recipe.reading import Reading
from model.recipe.styles import MAX_SEED

CACHE_BYTES = 2**30  # most bytes of kept modulation; a new map adds some 25 MB in the landscape model, a stroke less
PASS_BYTES = 2 * 2**30  # most bytes of activations in one pass on a GPU
LIVE_TENSORS = 6  # activations of the widest block that are in memory at the same time
NAMED = 4  # most unknown class indices that a message names
Array = np.ndarray | Tensor


class Engine:
    """Pictures from label maps and codes.

    ``device`` is "auto" (CUDA, else MPS, else CPU), "cpu", "cuda", "cuda:1" or "mps". ``precision`` is the
    generator's number format: "float32" anywhere, "bfloat16" or "float16" on CUDA, "bfloat16" on CPUs where it is
    faster. The encoder always runs in float32. ``cache_bytes`` bounds the modulation that is kept; 0 keeps none. The
    checkpoint is copied and never changed. Raises InputError for a device or precision that is not available.

    The same label map, codes, device, precision and number of threads give the same pixels. On a CPU this holds for
    any batch, since pictures are made one at a time, which costs no speed there. A GPU makes many in a pass and may
    choose another kernel for another number of them, so that the last bit differs.
    """

    def __init__(
        self, ckpt: Checkpoint, device: str = "auto", precision: str = "float32", cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.config, self.taxonomy, self.fingerprint = ckpt.config, ckpt.taxonomy, ckpt.fingerprint
        self.device = pick_device(device)
        self.precision = precision
        self.dtype = engine_precision(precision, self.device)
        exact = copy.deepcopy(ckpt.generator).to(self.device).eval().requires_grad_(False)
        self.generator = exact if self.dtype == torch.float32 else copy.deepcopy(exact).to(self.dtype)
        self.encoder = None
        if ckpt.encoder is not None:
            self.encoder = copy.deepcopy(ckpt.encoder).to(self.device).eval().requires_grad_(False)
        self.segmenter = None
        if ckpt.segmenter is not None:
            self.segmenter = copy.deepcopy(ckpt.segmenter).to(self.device).eval().requires_grad_(False)
        self.cache = ModulationCache(exact, cache_bytes, self.dtype)
        self.synthesis = Synthesis(self.generator, self.cache)

    @property
    def pictures_per_pass(self) -> int:
        """1 on a CPU, where more at a time are no faster; on a GPU as many as fit ``PASS_BYTES``."""
        if self.device.type == "cpu":
            return 1
        sizes = self.config.layer_sizes()
        widest = max(max(row.inputs, row.outputs) * h * w for row, (h, w) in zip(self.config.blocks, sizes))
        return max(1, PASS_BYTES // (LIVE_TENSORS * widest * self.dtype.itemsize))

    @torch.inference_mode()
    def synthesize(self, labels: Array, codes: Array, instances: Array | None = None) -> Tensor:
        """Pictures float32 [N, 3, H, W] in [−1, 1], on the engine's device.

        labels: class indices [H, W], one map for all N pictures, or [N, H, W]. codes: float32 [N, 8C, h, w], or
        [8C, h, w] for one picture. instances: ids in the shape of labels, only for models with instance edges; without
        them the borders of the label map's regions are the edges. Raises InputError for any other arrays.
        """
        return torch.stack(list(self._pictures(labels, codes, instances)))

    @torch.inference_mode()
    def render(self, labels: Array, codes: Array, instances: Array | None = None) -> np.ndarray:
        """The pictures of ``synthesize`` as uint8 [N, H, W, 3]: (x + 1) · 127.5, halves rounded to even numbers."""
        return np.stack([to_uint8(picture) for picture in self._pictures(labels, codes, instances)])

    @torch.inference_mode()
    def encode(self, photo: Array, labels: Array) -> tuple[np.ndarray, np.ndarray]:
        """mu and logvar, each float32 [8C, h, w], of a photo uint8 [H, W, 3] with its labels [H, W].

        The numbers of classes that are absent have no meaning. Raises InputError, "no_encoder" where the checkpoint has
        no encoder.
        """
        if self.encoder is None:
            raise InputError(
                "This checkpoint has no encoder, so it cannot take looks from photos.", code="no_encoder", field="photo"
            )
        network_input = self._photo(photo)
        maps = _one_map(labels, self.config)
        with _exact(self.device):
            mu, logvar = self.encoder.encode(network_input, maps.to(self.device))
        return mu[0].cpu().numpy(), logvar[0].cpu().numpy()

    @torch.inference_mode(False)  # tensors of inference mode cannot take part in gradients
    def fit(
        self, photo: Array, labels: Array, instances: Array | None = None, *, steps: int = STEPS, seed: int = 0
    ) -> Iterator[FitStep]:
        """Codes of a photo uint8 [H, W, 3] with its labels [H, W], without an encoder: by gradient descent.

        Yields ``steps`` + 1 states of the descent, its start and its end included. Each is computed when it is asked
        for, so that the work stops with the last question. Classes that are absent keep the codes of ``seed``. Raises
        InputError at once, before the first state, for arguments that do not fit.
        """
        pixels, maps = self._photo(photo), _one_map(labels, self.config)
        edges = self._edges(maps, instances)
        if steps < 1:
            refuse("steps", steps, f"is {steps}", "1 or more")
        if not 0 <= seed <= MAX_SEED:
            refuse("seed", seed, f"is {seed}", f"0 to {MAX_SEED}")
        subject = Subject(pixels, maps.to(self.device), None if edges is None else edges.to(self.device))
        # The two are equal up to rounding, and the look-up is faster on a CPU.
        by = lookup.modulation if self.device.type == "cpu" else Generator.modulation
        modulate = functools.partial(by, self.generator)
        features = None if self.segmenter is None else SegmenterFeatures(self.segmenter)
        return self._exactly(Descent(self.generator, modulate, subject, seed, features).steps(steps))

    def _exactly(self, steps: Iterator[FitStep]) -> Iterator[FitStep]:
        """The same steps; each is computed under ``_exact``, which does not hold while the caller has the step."""
        while True:
            with _exact(self.device), torch.inference_mode(False):
                step = next(steps, None)
            if step is None:
                return
            yield step

    @torch.inference_mode()
    def segment(self, photo: Array) -> np.ndarray:
        """The label map uint8 [H, W] that the segmenter reads from a photo uint8 [H, W, 3].

        Raises InputError, "no_segmenter" where the checkpoint has no segmenter.
        """
        segmenter, pixels = self._segmenter(), self._photo(photo)
        with _exact(self.device):
            return segmenter.segment(pixels)[0].byte().cpu().numpy()

    @torch.inference_mode()
    def read(self, photo: Array) -> Reading:
        """The label map that ``segment`` gives, with the segmenter's confidence and second choices.

        Raises InputError as ``segment`` does.
        """
        segmenter, pixels = self._segmenter(), self._photo(photo)
        with _exact(self.device):
            labels, confidence, second, likely = (part[0].cpu() for part in segmenter.read(pixels))
        return Reading(labels.byte().numpy(), confidence.numpy(), second.byte().numpy(), likely.numpy())

    def _segmenter(self) -> LabelReader:
        """The checkpoint's segmenter; raises InputError "no_segmenter" where it has none."""
        if self.segmenter is None:
            raise InputError(
                "This checkpoint has no segmenter, so it cannot read label maps from photos.",
                code="no_segmenter",
                field="photo",
            )
        return self.segmenter

    def _photo(self, photo: Array) -> Tensor:
        """uint8 [H, W, 3] → [1, 3, H, W] in [−1, 1], on the engine's device; InputError for anything else."""
        pixels = torch.as_tensor(photo)
        if pixels.dtype != torch.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            found = f"{pixels.dtype} {list(pixels.shape)}"
            refuse("photo", found, f"is {found}", "uint8 [H, W, 3]")
        _check_size("photo", pixels.shape[:2], self.config)
        return pixels.permute(2, 0, 1)[None].to(self.device).float() / 127.5 - 1

    def _pictures(self, labels: Array, codes: Array, instances: Array | None) -> Iterator[Tensor]:
        """The pictures [3, H, W] in [−1, 1] of the codes in turn; those of one pass are made together."""
        maps, edges, latent = self._check(labels, codes, instances)
        keys = [_key(maps[i], None if edges is None else edges[i]) for i in range(len(maps))]
        which = range(len(maps)) if len(maps) > 1 else [0] * len(latent)  # index of each code's label map
        start = 0
        while start < len(latent):
            found: list[MapModulation] = []
            for m in which[start : start + self.pictures_per_pass]:
                entry = self.cache.get(keys[m], maps[m], None if edges is None else edges[m])
                if found and entry is not found[0] and not (entry.shareable and found[0].shareable):
                    break
                found.append(entry)
            end = start + len(found)
            with _exact(self.device):
                pictures = self.synthesis(latent[start:end].to(self.device, self.dtype), found)
            self.cache.trim()
            yield from pictures.float()
            start = end

    def _check(self, labels: Array, codes: Array, instances: Array | None) -> tuple[Tensor, Tensor | None, Tensor]:
        """Label maps long [M, H, W], edges [M, 1, H, W] or None, codes float32 [N, 8C, h, w]; M is 1 or N.

        Raises InputError for arrays that do not fit the model or each other.
        """
        maps = _class_map(labels, self.config)
        latent = _latent(codes, self.config)
        if len(maps) not in (1, len(latent)):
            what = f"are {len(latent)} for {len(maps)} label maps"
            refuse("codes", len(latent), what, "one label map, or one for each code")
        return maps, self._edges(maps, instances), latent

    def _edges(self, maps: Tensor, instances: Array | None) -> Tensor | None:
        """The instance edges [M, 1, H, W] of label maps [M, H, W], or None for models that take none."""
        if instances is not None and not self.config.instance_edges:
            refuse("instances", None, "were given to a model without instance edges", "none")
        if not self.config.instance_edges:
            return None
        return instance_edges(maps if instances is None else _instance_map(instances, maps.shape, self.config))


def to_uint8(picture: Tensor) -> np.ndarray:
    """Picture float [3, H, W] in [−1, 1] → uint8 [H, W, 3]."""
    levels = ((picture + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(1, 2, 0).cpu().numpy()


def _exact(device: torch.device) -> AbstractContextManager[Any]:
    """Makes cuDNN compute float32 convolutions without TensorFloat-32, its default, and each time by one kernel."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)


def _key(labels: Tensor, edges: Tensor | None) -> bytes:
    """A digest that stands for a label map [H, W] and its edges [1, H, W]; every map has the model's size."""
    digest = hashlib.blake2b(labels.to(torch.uint8).numpy().tobytes(), digest_size=16)
    if edges is not None:
        digest.update(np.packbits(edges.numpy() > 0).tobytes())
    return digest.digest()


def _class_map(labels: Array, config: GroupDNetConfig) -> Tensor:
    """Class indices [H, W] or [N, H, W] → long [N, H, W] on the CPU; raises InputError for anything else."""
    maps = _integers("labels", labels)
    _check_size("labels", maps.shape[1:], config)
    strange = (maps < 0) | (maps >= config.classes)
    if strange.any():
        wrong = maps[strange].unique().tolist()
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        what = f"has {', '.join(map(str, wrong[:NAMED]))}{more}"
        refuse("labels", wrong[0], what, f"class indices from 0 to {config.classes - 1}", code="unknown_label")
    return maps


def _one_map(labels: Array, config: GroupDNetConfig) -> Tensor:
    """The label map of one photo, class indices [H, W] → long [1, H, W]; raises InputError for anything else."""
    maps = _class_map(labels, config)
    if maps.shape[0] != 1:
        refuse("labels", maps.shape[0], f"has {maps.shape[0]} maps", "one label map for one photo")
    return maps


def _instance_map(instances: Array, shape: torch.Size, config: GroupDNetConfig) -> Tensor:
    """Instance ids [H, W] or [M, H, W] → long [M, H, W], the label maps' ``shape``; InputError for anything else."""
    ids = _integers("instances", instances)
    _check_size("instances", ids.shape[1:], config)
    if ids.shape != shape:
        refuse("instances", len(ids), f"are {len(ids)} maps for {shape[0]} label maps", "one for each label map")
    return ids


def _integers(name: str, values: Array) -> Tensor:
    """Integers [H, W] or [N, H, W] → long [N, H, W] on the CPU; raises InputError for anything else."""
    tensor = torch.as_tensor(values)
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool or tensor.ndim not in (2, 3):
        found = f"{tensor.dtype} {list(tensor.shape)}"
        refuse(name, found, f"is {found}", "integers [H, W] or [N, H, W]")
    return (tensor[None] if tensor.ndim == 2 else tensor).cpu().long()


def _latent(codes: Array, config: GroupDNetConfig) -> Tensor:
    """Codes [8C, h, w] or [N, 8C, h, w] → float32 [N, 8C, h, w]; raises InputError for anything else."""
    tensor = torch.as_tensor(codes)
    tensor = tensor[None] if tensor.ndim == 3 else tensor
    expected = (CODE_CHANNELS * config.classes, *config.latent_size)
    if not tensor.is_floating_point() or tensor.ndim != 4 or tuple(tensor.shape[1:]) != expected or not len(tensor):
        found = f"{tensor.dtype} {list(tensor.shape)}"
        refuse("codes", found, f"is {found}", f"float32 [N, {', '.join(map(str, expected))}]")
    if not torch.isfinite(tensor).all():
        refuse("codes", None, "has NaN or infinity in it", "finite numbers")
    return tensor.float()


def _check_size(name: str, size: torch.Size, config: GroupDNetConfig) -> None:
    """Raises InputError "wrong_size" unless ``size`` (H, W) is the model's."""
    if tuple(size) != tuple(config.image_size):
        height, width = config.image_size
        raise InputError(
            f"{name} is {size[1]}×{size[0]} pixels; allowed is this model's {width}×{height}.",
            code="wrong_size",
            field=name,
            value=list(size),
            allowed=list(config.image_size),
        )
