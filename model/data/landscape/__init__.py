"""The procedural training world: landscapes as pairs of a label map and a picture.

``Landscape(size, seed).scenes(first, count)`` renders them on any device. Six in ten scenes are a terrain seen in
perspective; in the others the map looks painted by hand, with any class anywhere. Each class's look is drawn
independently of the others'.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model.data.landscape.layout import Frame, PaintedMaps, Scene
from model.data.landscape.looks import draw_style
from model.data.landscape.noise import Draws, NoiseAtlas
from model.data.landscape.shading import Shader
from model.data.landscape.surfaces import Stage
from model.data.landscape.terrain import Terrain
from model.errors import InputError, refuse
from model.recipe.taxonomy import TAXONOMIES

WORLD = 2  # version of the world, raised whenever its pixels change: sets rendered before are then rendered anew
SIZES = (32, 64, 128, 256, 512)  # pixels a side
TERRAIN_SHARE = 0.6  # share of scenes that are a terrain in perspective
KIND_STREAM, LAYOUT_STREAM = 0, 1  # streams of random numbers; looks.py has those of the looks
CHUNK = 64  # scenes that are rendered ahead together: the most that a killed process loses


class Landscape:
    """Renders scene k of seed s, with the same pixels in every batch and every run on the same kind of device."""

    def __init__(self, size: int = 256, seed: int = 0, device: str | torch.device = "cpu") -> None:
        """``size``: pixels a side, one of ``SIZES``; raises InputError for another one and for negative seeds."""
        if size not in SIZES:
            raise InputError(
                f"size {size} is not one that landscapes have; allowed is {', '.join(map(str, SIZES))}.",
                field="size",
                value=size,
                allowed=list(SIZES),
            )
        if seed < 0:
            refuse("seed", seed, f"is {seed}", "0 or more")
        self.size, self.seed, self.device = size, seed, torch.device(device)
        self.frame = Frame(size, self.device)
        self.atlas = NoiseAtlas(seed, self.device)
        grain = torch.rand(size, size, generator=torch.Generator().manual_seed(seed))
        self.grain = grain.to(self.device)  # noise that hides the seams between mip levels
        # On a CPU one scene at a time fits the cache, and a pixel's rounding does not depend on its place in the batch,
        # as it may with vector units. A GPU is faster with many.
        self.batch = 1 if self.device.type == "cpu" else 32

    def kinds(self, first: int, count: int) -> list[str]:
        """The kind of each scene, "terrain" or "painted"."""
        draws = Draws(self.seed, range(first, first + count), KIND_STREAM, 1, torch.device("cpu"))
        return ["terrain" if terrain else "painted" for terrain in draws.chance(TERRAIN_SHARE).tolist()]

    @torch.no_grad()
    def scenes(self, first: int, count: int, restyle: Mapping[int, int] | None = None) -> tuple[Tensor, Tensor]:
        """Labels uint8 [count, S, S] and pictures uint8 [count, 3, S, S] of the scenes first … first + count − 1.

        ``restyle`` maps a class to a number n: its look is taken from the scene n further on, and the rest stays.
        """
        starts = range(first, first + count, self.batch)
        parts = [self._render(start, min(self.batch, first + count - start), restyle or {}) for start in starts]
        return torch.cat([labels for labels, _ in parts]), torch.cat([pictures for _, pictures in parts])

    def _render(self, first: int, count: int, restyle: Mapping[int, int]) -> tuple[Tensor, Tensor]:
        scene = self._layout(first, count)
        style = draw_style(self.seed, range(first, first + count), restyle, self.device)
        picture = Shader(Stage(self.frame, self.atlas, self.grain, scene, style)).picture()
        return scene.labels.to(torch.uint8), picture

    def _layout(self, first: int, count: int) -> Scene:
        draws = Draws(self.seed, range(first, first + count), LAYOUT_STREAM, 640, self.device)
        terrain = torch.tensor([kind == "terrain" for kind in self.kinds(first, count)], device=self.device)
        layouts = (
            (terrain, Terrain(self.frame, self.atlas).render),
            (~terrain, PaintedMaps(self.frame, self.atlas).paint),
        )
        parts, places = [], []
        for chosen, layout in layouts:
            members = chosen.nonzero()[:, 0]
            if len(members):
                parts.append(layout(draws.take(members)))
                places.append(members)
        return Scene.join(parts, torch.cat(places).argsort())


def contact_sheet(labels: Tensor, pictures: Tensor, columns: int = 4) -> Image.Image:
    """An image of all scenes, each its label map in display colours beside its picture, ``columns`` scenes in a row."""
    colours = np.array(TAXONOMIES["landscape"].display, np.uint8)
    maps = colours[labels.cpu().numpy()]  # [N, S, S, 3]
    pairs = np.concatenate([maps, pictures.permute(0, 2, 3, 1).cpu().numpy()], 2)  # [N, S, 2S, 3]
    missing = -len(pairs) % columns
    pairs = np.concatenate([pairs, np.zeros_like(pairs[:1]).repeat(missing, 0)])
    rows = pairs.reshape(-1, columns, *pairs.shape[1:]).transpose(0, 2, 1, 3, 4)  # [rows, S, columns, 2S, 3]
    return Image.fromarray(rows.reshape(-1, columns * pairs.shape[2], 3))


def render_set(folder: Path, count: int, size: int, seed: int = 0, workers: int = 1) -> None:
    """Render scenes 0 … count−1 into ``labels.npy`` and ``pictures.npy`` of a folder (uint8, memory maps).

    ``scenes.json`` has world, size, seed and count, and ``done`` the number of finished chunks, so that a killed run
    can continue. It returns at once where the folder has enough scenes of this size and seed, and begins anew where the
    folder has others. It starts processes, so that a script must call it under ``if __name__ == "__main__"``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {"world": WORLD, "size": size, "seed": seed}
    record = folder / "scenes.json"
    held = json.loads(record.read_text()) if record.exists() else {}
    if held.pop("count", 0) >= count and held == wanted:
        count = len(np.load(folder / "labels.npy", mmap_mode="r"))
    else:
        (folder / "done").unlink(missing_ok=True)
        _create(folder, count, size)
        record.write_text(json.dumps({**wanted, "count": count}))
    chunks = [(folder, first, min(CHUNK, count - first), size, seed) for first in range(0, count, CHUNK)]
    done = _done(folder)
    if done >= len(chunks):
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        _record(folder, done, pool.imap(_render_chunk, chunks[done:]))


def is_rendered(folder: Path) -> bool:
    """Whether every scene of the set in a folder has been rendered."""
    return _done(folder) * CHUNK >= len(np.load(folder / "labels.npy", mmap_mode="r"))


def _done(folder: Path) -> int:
    """The number of chunks that are finished."""
    return int((folder / "done").read_text()) if (folder / "done").exists() else 0


def _create(folder: Path, count: int, size: int) -> None:
    for name, shape in (("labels.npy", (count, size, size)), ("pictures.npy", (count, 3, size, size))):
        np.lib.format.open_memmap(folder / name, "w+", np.uint8, shape).flush()


def _record(folder: Path, done: int, finished: Iterable[None]) -> None:
    for number, _ in enumerate(finished, done + 1):
        partial = folder / "done.new"
        partial.write_text(str(number))
        partial.replace(folder / "done")


@functools.cache
def _world(size: int, seed: int) -> Landscape:
    """The landscape of a worker process, kept because building its noise takes as long as ten scenes."""
    return Landscape(size, seed)


def _render_chunk(job: tuple[Path, int, int, int, int]) -> None:
    folder, first, count, size, seed = job
    torch.set_num_threads(1)
    labels, pictures = _world(size, seed).scenes(first, count)
    for name, scenes in (("labels.npy", labels), ("pictures.npy", pictures)):
        target = np.lib.format.open_memmap(folder / name, "r+")
        target[first : first + count] = scenes.numpy()
        target.flush()
