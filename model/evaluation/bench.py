"""The bench: a model's times and memory on this machine, and the least time that its arithmetic or memory needs.

A run takes all cases in turn, round after round, and keeps the fastest time of each. Whatever else the machine does
then slows all of them alike, and their ratios are right. With a single thread on a CPU, times are the processor's,
which other programs do not add to.
"""

from __future__ import annotations

import contextlib
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from model.checkpoint import Checkpoint
from model.engine import Engine
from model.errors import InputError
from model.network import lookup
from model.network.config import CODE_CHANNELS, GroupDNetConfig, at_size
from model.network.cost import gflop, least_bytes
from model.network.encoder import Encoder
from model.network.groupdnet import Generator
from model.network.layers import instance_edges
from model.recipe.styles import Style
from model.recipe.taxonomy import numbered_taxonomy
from model.threads import visible_cores

BATCH = 8  # pictures in the batch, unless another number is asked for
PAIRS = 2  # resamples, and strokes, in each round
BRUSH = 20  # pixels across the brush of a stroke
REGIONS, CELLS = 10, 7  # classes in a label map, and cells a side of the grid that its regions are interpolated from
SIDE = 1024  # rows and columns of the matrices; the convolution's input has as many numbers: 256 channels of 64×64
PRODUCT_GFLOP, CONVOLUTION_GFLOP = 2e-9 * SIDE**3, 2e-9 * 9 * 256 * SIDE**2  # 10⁹ operations of each
COPIED = 2**26  # bytes that are copied to time the memory
MOST_DIFFERENT = 1e-4  # most difference from the plain network's picture, in [−1, 1], in float32
LEAST_DECIBELS = 45  # least PSNR against the plain network's picture, in any precision
GAINS = {"mlp_shared": 1.1, "mlp_": 0.35, "conv_img": 0.3, "": 1.1}  # gain of random weights, by part of their name
BESIDE = (5, 40)  # fewest and most resamples that are timed beside a busy core
CALIBRATED = 2  # pictures that give the statistics of the batch norms beside random weights


@dataclass(frozen=True)
class Rates:
    """The speed of the machine, each number the best of the run."""

    device: str
    threads: int
    product_gflops: float  # 10⁹ operations a second in a large float32 matrix product
    convolution_gflops: float  # 10⁹ operations a second in a dense 3×3 convolution, which another library may compute
    gbyte_per_second: float  # 10⁹ bytes a second, read and written, in a large copy


@dataclass(frozen=True)
class Result:
    """The measurements of one model. Times are milliseconds for one picture of the model's own size."""

    model: str
    size: tuple[int, int]  # H, W
    parameters: int  # number of the generator's parameters
    gflop: float  # 10⁹ operations for one picture, modulation included
    gflop_synthesis: float  # 10⁹ operations for one picture without the modulation
    distinct: float  # distinct neighbourhoods in a label map ÷ its pixels, at the largest resolution
    plain_ms: float  # the plain network, modulation included
    new_map_ms: float  # the engine, with a label map that it has not seen
    stroke_ms: float  # the engine, after a stroke on a label map that it has seen
    resample_ms: float  # the engine, with new codes for a label map that it has seen
    batch: int  # pictures in a batch
    batch_ms: float  # one picture of a batch of resamples
    quiet_p50_ms: float  # median of resamples one after the other, on the machine as it is
    busy_p50_ms: float  # median beside a busy process on every core but one
    busy_p90_ms: float  # 90th percentile beside a busy process on every core but one
    encode_ms: float | None  # None without an encoder
    difference: float  # largest difference from the plain network's picture, in [−1, 1]
    decibels: float  # PSNR against the plain network's picture
    error: float | None  # largest difference from the plain network in float64, where it was asked for
    plain_error: float | None  # largest difference of the plain network in float32 from itself in float64
    floor_ms: float  # least time of synthesis at the rate of matrix products, or of memory
    convolution_floor_ms: float  # least time of synthesis at the rate of dense convolutions, or of memory
    peak_bytes: int  # most memory in use, by the process or on the GPU
    rates: Rates

    @property
    def images_per_second(self) -> float:
        """Resampled pictures a second, alone or in a batch, whichever is faster."""
        return 1000 / min(self.batch_ms, self.resample_ms)

    def ratios(self) -> dict[str, float]:
        """Ratios of times, which depend less on the machine than the times do."""
        return {
            "plain_to_resample": self.plain_ms / self.resample_ms,
            "plain_to_new_map": self.plain_ms / self.new_map_ms,
            "stroke_to_resample": self.stroke_ms / self.resample_ms,
            "resample_to_floor": self.resample_ms / self.floor_ms,
            "resample_to_convolution_floor": self.resample_ms / self.convolution_floor_ms,
            "busy_p90_to_quiet_p50": self.busy_p90_ms / self.quiet_p50_ms,
        }

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "images_per_second": self.images_per_second, **self.ratios()}

    def require_fidelity(self, precision: str) -> None:
        """Raises InputError where the engine's picture is not near enough to the plain network's."""
        close = precision != "float32" or self.difference <= MOST_DIFFERENT
        if not (close and self.decibels >= LEAST_DECIBELS):  # this refuses NaN too
            raise InputError(
                f"{self.model}'s picture differs from the plain network's by {self.difference:.1e}, PSNR "
                f"{self.decibels:.0f} dB; allowed is {MOST_DIFFERENT:.0e} in float32, and {LEAST_DECIBELS} dB."
            )


def random_checkpoint(title: str, config: GroupDNetConfig) -> Checkpoint:
    """A checkpoint with seeded random weights; its batch norms have the statistics of pictures, so none saturates."""
    random = torch.Generator().manual_seed(0)
    generator, encoder = Generator(config), Encoder(config)
    for network in (generator, encoder):
        for name, tensor in network.named_parameters():
            gain = next(gain for part, gain in GAINS.items() if part in name)
            nn.init.normal_(tensor, std=gain * tensor[0].numel() ** -0.5 if tensor.ndim > 1 else 0.1, generator=random)
    for norm in generator.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 1.0
    codes = torch.randn(CALIBRATED, CODE_CHANNELS * config.classes, 2, 2, generator=random)
    maps = np.stack([label_map(at_size(config, (128, 128)), seed) for seed in range(CALIBRATED)])
    with torch.no_grad():
        labels = torch.from_numpy(maps).long()
        edges = instance_edges(labels) if config.instance_edges else None
        generator.train()(codes, generator.modulation(labels, edges))
    taxonomy = numbered_taxonomy(config.classes)
    return Checkpoint(config, taxonomy, generator.eval(), encoder.eval(), title=title, fingerprint="random")


def label_map(config: GroupDNetConfig, seed: int) -> np.ndarray:
    """A label map with curved regions of up to ``REGIONS`` classes: uint8 [H, W]."""
    random = torch.Generator().manual_seed(seed)
    fields = torch.rand(1, min(REGIONS, config.classes), CELLS, CELLS, generator=random)
    chosen = torch.randperm(config.classes, generator=random)[: fields.shape[1]]
    regions = F.interpolate(fields, config.image_size, mode="bicubic").argmax(1)[0]  # [H, W]
    return chosen[regions].numpy().astype(np.uint8)


def painted(labels: np.ndarray, seed: int) -> np.ndarray:
    """The label map after one dab of a round brush at a random place, in another class of the map."""
    random = np.random.default_rng(seed)
    height, width = labels.shape
    y, x = random.integers(BRUSH, height - BRUSH), random.integers(BRUSH, width - BRUSH)
    rows, columns = np.ogrid[:height, :width]
    others = [c for c in np.unique(labels) if c != labels[y, x]]
    return np.where((rows - y) ** 2 + (columns - x) ** 2 < (BRUSH / 2) ** 2, others[seed % len(others)], labels)


def distinct_share(config: GroupDNetConfig, labels: np.ndarray) -> float:
    """The number of distinct 5×5 neighbourhoods in a label map [H, W] ÷ the number of its pixels."""
    maps, count = torch.from_numpy(labels).long()[None], lookup.symbol_count(config)
    edges = instance_edges(maps)[:, 0] if config.instance_edges else None
    surrounded = lookup.surround(lookup.symbols_of(maps, edges, config).numpy(), count)
    return len(lookup.unique(lookup.window_keys(surrounded, count).five)[0]) / maps.numel()


@contextlib.contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """``count`` processes that each keep a core busy, as a browser or a build beside the studio would."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


class Bench:
    """Times one model. ``best`` has the fewest seconds of each case so far."""

    def __init__(self, ckpt: Checkpoint, device: str, precision: str, cache_bytes: int, batch: int) -> None:
        """The arguments are those of ``Engine``; ``batch`` is the number of pictures in a batch."""
        self.ckpt, self.config = ckpt, ckpt.config
        self.engine = Engine(ckpt, device, precision, cache_bytes)
        self.device, self.batch = self.engine.device, batch
        alone = self.device.type == "cpu" and torch.get_num_threads() == 1
        self.clock = time.process_time if alone else time.perf_counter
        self.best: dict[str, float] = {}
        self.codes = np.stack([Style(seed).codes(self.config) for seed in range(max(batch, PAIRS))])
        self.photo = np.random.default_rng(0).integers(0, 256, (*self.config.image_size, 3), np.uint8)
        self.peak_bytes = 0

    def run(self, seconds: float, float64: bool = False) -> Result:
        """Measure for about so many seconds, at least two rounds; with ``float64``, compare with a float64 run too."""
        self._engine_round(0)  # before the plain network runs, so that its memory is not in the peak
        self.peak_bytes = self._peak()
        plain = self.ckpt.generator.to(self.device).eval()
        self.best.clear()
        started, rounds = time.perf_counter(), 0
        while rounds < 2 or time.perf_counter() - started < seconds:
            rounds += 1
            labels = self._engine_round(rounds)
            expected = self._time("plain", self._plain, plain, labels)
            self._machine()
        quiet = self._resamples(labels, seconds / 4)
        with busy_cores(max(1, visible_cores() - 1)):
            busy = self._resamples(labels, seconds / 2)
        alone, together = (self.engine.synthesize(labels, self.codes[:count]) for count in (1, self.batch))
        got = torch.cat([alone, together[:1]])
        errors: tuple[float | None, float | None] = (None, None)
        if float64:
            exact = self._plain(plain.double(), labels)
            errors = float((got - exact).abs().max()), float((expected - exact).abs().max())
        return self._result(got - expected, *errors, quiet, busy)

    def _resamples(self, labels: np.ndarray, seconds: float) -> np.ndarray:
        """Milliseconds of each of some resamples of one label map in a row, in real time for any number of threads."""
        times: list[float] = []
        started = time.perf_counter()
        while len(times) < BESIDE[0] or (len(times) < BESIDE[1] and time.perf_counter() - started < seconds):
            before = time.perf_counter()
            self.engine.synthesize(labels, self.codes[len(times) % PAIRS][None])
            self._wait()
            times.append(1000 * (time.perf_counter() - before))
        return np.array(times)

    def _engine_round(self, seed: int) -> np.ndarray:
        """Time every case of the engine on a label map that it has not seen, and return that map."""
        engine, codes = self.engine, self.codes
        labels = label_map(self.config, seed)
        engine.cache.clear()
        self._time("new_map", engine.synthesize, labels, codes[:1])
        for i in range(PAIRS):
            self._time("resample", engine.synthesize, labels, codes[i : i + 1])
            self._time("stroke", engine.synthesize, painted(labels, PAIRS * seed + i), codes[:1])
        self._time("batch", engine.synthesize, labels, codes[: self.batch])
        if engine.encoder is not None:
            self._time("encode", engine.encode, self.photo, labels)
        return labels

    @torch.inference_mode()
    def _plain(self, generator: Generator, labels: np.ndarray) -> torch.Tensor:
        """The first codes' picture by the generator itself, [1, 3, H, W]."""
        maps = torch.from_numpy(labels).long()[None]
        edges = instance_edges(maps).to(self.device) if self.config.instance_edges else None
        codes = torch.from_numpy(self.codes[:1]).to(self.device, generator.conv_img.weight.dtype)
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            picture: torch.Tensor = generator(codes, generator.modulation(maps.to(self.device), edges))
        return picture

    def _machine(self) -> None:
        """Time a matrix product, a convolution and a copy."""
        square = torch.ones(SIDE, SIDE, device=self.device)
        self._time("product", torch.matmul, square, square)
        image = square.view(1, 256, 64, 64).to(memory_format=torch.channels_last)
        kernel = torch.ones(256, 256, 3, 3, device=self.device).to(memory_format=torch.channels_last)
        with torch.inference_mode():
            self._time("convolution", F.conv2d, image, kernel, None, 1, 1)
        source = torch.ones(COPIED, dtype=torch.uint8, device=self.device)
        target = torch.zeros_like(source)
        self._time("copy", target.copy_, source)

    def _time(self, name: str, work: Callable[..., Any], *args: Any) -> Any:
        """The result of ``work(*args)``; its seconds are kept if they are the fewest of the case ``name``."""
        self._wait()
        started = self.clock()
        result = work(*args)
        self._wait()
        self.best[name] = min(self.best.get(name, float("inf")), self.clock() - started)
        return result

    def _wait(self) -> None:
        """Wait until a GPU has done all its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _peak(self) -> int:
        """Most bytes in use so far, by tensors on the GPU or by the whole process."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

    def _result(
        self,
        difference: torch.Tensor,
        error: float | None,
        plain_error: float | None,
        quiet: np.ndarray,
        busy: np.ndarray,
    ) -> Result:
        """All measurements; ``difference`` is between the engine's and the plain pictures, the times milliseconds."""
        total, synthesis = gflop(self.config)
        ms = {name: 1000 * seconds for name, seconds in self.best.items()}
        rates = Rates(
            device=torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else platform.machine(),
            threads=torch.get_num_threads(),
            product_gflops=PRODUCT_GFLOP / self.best["product"],
            convolution_gflops=CONVOLUTION_GFLOP / self.best["convolution"],
            gbyte_per_second=2 * COPIED / 1e9 / self.best["copy"],
        )
        in_memory = least_bytes(self.config) / 1e9 / rates.gbyte_per_second
        floors = [max(synthesis / rate, in_memory) for rate in (rates.product_gflops, rates.convolution_gflops)]
        return Result(
            model=self.ckpt.title,
            size=self.config.image_size,
            parameters=sum(parameter.numel() for parameter in self.ckpt.generator.parameters()),
            gflop=total,
            gflop_synthesis=synthesis,
            distinct=distinct_share(self.config, label_map(self.config, 0)),
            plain_ms=ms["plain"],
            new_map_ms=ms["new_map"],
            stroke_ms=ms["stroke"],
            resample_ms=ms["resample"],
            batch=self.batch,
            batch_ms=ms["batch"] / self.batch,
            quiet_p50_ms=float(np.median(quiet)),
            busy_p50_ms=float(np.median(busy)),
            busy_p90_ms=float(np.percentile(busy, 90)),
            encode_ms=ms.get("encode"),
            difference=float(difference.abs().max()),
            decibels=float(10 * torch.log10(4 / difference.square().mean().clamp_min(1e-20))),
            error=error,
            plain_error=plain_error,
            floor_ms=1000 * floors[0],
            convolution_floor_ms=1000 * floors[1],
            peak_bytes=self.peak_bytes,
            rates=rates,
        )


def table(results: Sequence[Result]) -> str:
    """The results as Markdown: a column for each model, and a line about the machine."""
    rows = [["", *(row.model for row in results)], ["---", *("---:" for _ in results)]]
    rows += [[name, *(show(row) for row in results)] for name, show in LINES.items()]
    rates = max((row.rates for row in results), key=lambda rates: rates.product_gflops)
    machine = (
        f"{rates.device}, threads {rates.threads}, PyTorch {torch.__version__}: matrix products "
        f"{rates.product_gflops:,.0f} GFLOP/s, dense convolutions {rates.convolution_gflops:,.0f} GFLOP/s, "
        f"copies {rates.gbyte_per_second:,.0f} GB/s"
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + f"\n\n{machine}"


LINES: dict[str, Callable[[Result], str]] = {
    "picture": lambda row: f"{row.size[0]}×{row.size[1]}",
    "parameters": lambda row: f"{row.parameters / 1e6:.1f} M",
    "GFLOP, all": lambda row: f"{row.gflop:.1f}",
    "GFLOP, synthesis": lambda row: f"{row.gflop_synthesis:.1f}",
    "distinct neighbourhoods": lambda row: f"{100 * row.distinct:.1f} %",
    "plain network, ms": lambda row: f"{row.plain_ms:.1f}",
    "new label map, ms": lambda row: f"{row.new_map_ms:.1f}",
    "after a stroke, ms": lambda row: f"{row.stroke_ms:.1f}",
    "resample, ms": lambda row: f"{row.resample_ms:.1f}",
    "resample in a batch, ms each": lambda row: f"{row.batch_ms:.1f}",
    "encode, ms": lambda row: "–" if row.encode_ms is None else f"{row.encode_ms:.1f}",
    "resample beside a busy core, median, ms": lambda row: f"{row.busy_p50_ms:.1f}",
    "resample beside a busy core, 90th percentile, ms": lambda row: f"{row.busy_p90_ms:.1f}",
    "that 90th percentile ÷ the quiet median": lambda row: f"{row.ratios()['busy_p90_to_quiet_p50']:.2f}",
    "pictures a second": lambda row: f"{row.images_per_second:.1f}",
    "floor of synthesis, ms": lambda row: f"{row.floor_ms:.1f}",
    "plain ÷ resample": lambda row: f"{row.ratios()['plain_to_resample']:.2f}",
    "plain ÷ new label map": lambda row: f"{row.ratios()['plain_to_new_map']:.2f}",
    "stroke ÷ resample": lambda row: f"{row.ratios()['stroke_to_resample']:.2f}",
    "resample ÷ floor": lambda row: f"{row.ratios()['resample_to_floor']:.2f}",
    "resample ÷ floor by dense convolutions": lambda row: f"{row.ratios()['resample_to_convolution_floor']:.2f}",
    "largest difference from plain": lambda row: f"{row.difference:.1e}",
    "engine's difference from float64": lambda row: "–" if row.error is None else f"{row.error:.1e}",
    "plain's difference from float64": lambda row: "–" if row.plain_error is None else f"{row.plain_error:.1e}",
    "PSNR against plain, dB": lambda row: f"{row.decibels:.0f}",
    "peak memory, MB": lambda row: f"{row.peak_bytes / 1e6:,.0f}",
}
