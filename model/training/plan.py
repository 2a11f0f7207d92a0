"""Plans: JSON files that say how a network is trained. Ours are in ``model/training/plans/``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model.errors import InputError
from model.network.config import GroupDNetConfig
from model.network.presets import PRESETS
from model.network.rows import config_of
from model.training.diff_augment import KINDS

FOLDER = Path(__file__).with_name("plans")
DISCRIMINATORS = ("patch", "projected")
PERCEPTUAL = ("vgg19", "vgg16", "efficientnet", "segmenter")
PHOTOS_IN_A_BATCH = 8  # at least, for the photo segmenter's batch norms
SEGMENTERS = ("small", "efficientnet-lite0")


@dataclass(frozen=True)
class Weights:
    """The weight of each loss in ``model.training.losses``; ``kl`` is a price per nat. A loss with weight 0 is not
    computed. The defaults are those of the paper's section 3.5."""

    gan: float = 1.0
    feature_matching: float = 10.0
    perceptual: float = 10.0
    kl: float = 0.05
    moments: float = 0.0
    locality: float = 0.0
    texture: float = 0.0  # how much neighbouring pixels of a class differ
    labels: float = 0.0  # label maps that the run's segmenter reads off the pictures
    anchor: float = 0.0  # the codes' first three numbers and their class's mean colour; needs moments


@dataclass(frozen=True)
class Phase:
    """So many images at one size. A network that was trained on small pictures can be finished on large ones."""

    size: tuple[int, int]  # H, W
    batch: int
    images: int
    rate_factors: tuple[float, float] = (1.0, 1.0)  # multiply the plan's learning rates at the phase's start and end
    weights: Weights | None = None  # null: the plan's

    def __post_init__(self) -> None:
        numbers = (*self.size, self.batch, self.images)
        if any(type(n) is not int for n in numbers) or min(*self.size, self.batch) < 1 or self.images < 0:
            raise ValueError(
                f"a phase has size {list(self.size)}, batch {self.batch!r} and images {self.images!r}; "
                "allowed are whole numbers, 1 or more, of images 0 too"
            )
        if not all(isinstance(factor, (int, float)) and 0 <= factor < math.inf for factor in self.rate_factors):
            raise ValueError(f"a phase has the rate {list(self.rate_factors)}; allowed are two numbers, 0 or more")

    @property
    def steps(self) -> int:
        return -(-self.images // self.batch)

    @classmethod
    def from_json(cls, data: dict[str, Any], weights: dict[str, float]) -> Phase:
        """``weights`` are the plan's; a phase names only those that it changes."""
        own = Weights(**{**weights, **data["weights"]}) if data.get("weights") else None
        data = dict(data)
        size, rate = data["size"], data.pop("rate", (1.0, 1.0))
        if not (isinstance(size, Sequence) and isinstance(rate, Sequence) and len(size) == len(rate) == 2):
            raise ValueError(f"a phase has size {size!r} and rate {rate!r}; allowed are two numbers each")
        return cls(**{**data, "size": tuple(size), "rate_factors": tuple(rate), "weights": own})


@dataclass(frozen=True)
class Plan:
    """How a network is trained. The defaults are the paper's (section 3.5 and its supplement)."""

    preset: str | None  # name of a network in model.network.presets; null: ``network`` describes it
    phases: tuple[Phase, ...]
    network: dict[str, Any] | None = None  # classes, widths and groups, as model.network.rows reads them
    lr_generator: float = 1e-4
    lr_encoder: float | None = None  # null: the generator's
    lr_discriminator: float = 4e-4
    init_gain: float | None = 0.02  # gain of Xavier's normal initialisation; null: torch's own initialisation
    discriminator_width: int = 64  # channels of its first layer, or of all layers where it is projected
    discriminator: str = "patch"  # "patch", the paper's, or "projected", on features of EfficientNet-Lite0
    augment: tuple[str, ...] = ()  # changes before a discriminator sees: some of diff_augment.KINDS
    perceptual: str = "vgg19"  # network whose features are compared: one of PERCEPTUAL
    segmenter: str = "small"  # or "efficientnet-lite0", for photos
    segmenter_images: int = 0
    segmenter_backdrops: float = 0.0  # share of photos whose class "background" becomes a plain wall
    weights: Weights = field(default_factory=Weights)
    kl_per_image: bool = False  # mean over the batch, present classes only; false: the paper's sum over everything
    kl_free: float = 0.0  # with kl_per_image: nats of each class of a picture that cost nothing, against collapse
    kl_start: float | None = None  # price of a nat at the first image, from which it rises linearly; null: constant
    kl_warm_images: int = 1  # images after which a nat has its full price
    code_sigma: float | None = None  # deviation of a fresh encoder's codes, whose means are made white; null: neither
    prior_share: float = 0.0  # share of the batch that is rendered a second time, with mixed codes
    ema: float = 0.9999  # decay of the moving averages, a step
    recount_images: int = 0  # images over which the exported batch norms take new statistics; 0: those of training
    groups: tuple[str, ...] = ()  # photos of a prepared set to train on; empty: all photos
    crop: float = 0.7  # least side of a crop of a prepared photo, as a share of the largest
    rare: float = 0.0  # how much oftener photos of rare classes are shown, 0 … 1
    seed: int = 0

    def config(self) -> GroupDNetConfig:
        """The network that it trains."""
        return config_of(self.network) if self.network is not None else PRESETS[str(self.preset)]()

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)

    def phase_at(self, step: int) -> Phase:
        return self._place(step)[0]

    def _place(self, step: int) -> tuple[Phase, float]:
        """(the phase that a step belongs to, the share of its steps that come before)."""
        for phase in self.phases:
            if step < phase.steps:
                return phase, step / phase.steps
            step -= phase.steps
        return self.phases[-1], 1.0

    @property
    def encoder_rate(self) -> float:
        return self.lr_generator if self.lr_encoder is None else self.lr_encoder

    @property
    def segmenter_phase(self) -> Phase:
        """The phase whose size and batch the segmenter is trained with: the second, or the only one."""
        return self.phases[min(1, len(self.phases) - 1)]

    @property
    def segmenter_batch(self) -> int:
        """Pictures in a batch that the segmenter is trained on; photos need several for batch norm."""
        batch = self.segmenter_phase.batch
        return batch if self.segmenter == "small" else max(batch, PHOTOS_IN_A_BATCH)

    def rate_factor(self, step: int) -> float:
        """Factor of the learning rates at a step: linear between the two of its phase."""
        phase, done = self._place(step)
        first, last = phase.rate_factors
        return first + (last - first) * done

    def weights_at(self, step: int) -> Weights:
        return self.phase_at(step).weights or self.weights

    def largest_weight(self, loss: str) -> float:
        """The largest weight that a loss has in any phase; 0: it is never computed."""
        return max(getattr(phase.weights or self.weights, loss) for phase in self.phases)

    def kl_price(self, step: int, images: int) -> float:
        """The price of a nat of KL divergence at a step before which ``images`` were seen."""
        full = self.weights_at(step).kl
        if self.kl_start is None or images >= self.kl_warm_images:
            return full
        return self.kl_start + (full - self.kl_start) * images / self.kl_warm_images

    def to_json(self) -> dict[str, Any]:
        """As a plan file has it, in which a phase's ``rate_factors`` are called "rate"."""
        data = asdict(self)
        for phase in data["phases"]:
            phase["rate"] = phase.pop("rate_factors")
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        try:
            weights = data.get("weights", {})
            phases = tuple(Phase.from_json(phase, weights) for phase in data["phases"])
            if not phases:
                raise ValueError("it has no phases; allowed is one or more")
            tuples = {name: _names(name, data.get(name, ())) for name in ("groups", "augment")}
            plan = cls(**{"preset": None, **data, "phases": phases, "weights": Weights(**weights), **tuples})
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The plan is not valid: {error}.", field="plan") from error
        if (plan.preset is None) == (plan.network is None):
            raise InputError(
                f"The plan has preset {plan.preset!r} and network {plan.network!r}; allowed is one of them.",
                field="plan",
            )
        if plan.network is not None:
            config_of(plan.network)
        plan._check_names()
        if plan.segmenter not in SEGMENTERS or not 0 <= plan.segmenter_backdrops <= 1:
            raise InputError(
                f"The plan asks for the segmenter {plan.segmenter!r} with segmenter_backdrops "
                f"{plan.segmenter_backdrops!r}; allowed is {' or '.join(SEGMENTERS)}, and 0 … 1.",
                field="segmenter",
                value=plan.segmenter,
                allowed=list(SEGMENTERS),
            )
        return plan

    def _check_names(self) -> None:
        """Raises InputError where the plan names something that there is not."""
        named = [("preset", self.preset, (None, *PRESETS)), ("discriminator", self.discriminator, DISCRIMINATORS)]
        named += [("perceptual", self.perceptual, PERCEPTUAL), *(("augment", kind, KINDS) for kind in self.augment)]
        for field_name, name, known in named:
            if name not in known:
                allowed = ", ".join(str(name) for name in known if name)
                message = f"The plan asks for {field_name} {name!r}; allowed is {allowed}."
                raise InputError(message, field="plan", value=name, allowed=allowed)


def _names(field_name: str, value: Any) -> tuple[str, ...]:
    """Raises ValueError for anything but a list of names."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"its {field_name} is {value!r}; allowed is a list of names")
    return tuple(value)


def load_plan(name: str) -> Plan:
    """A plan of ours by name ("landscape", "deepfashion", …) or any JSON file."""
    path = Path(name) if name.endswith(".json") else FOLDER / f"{name}.json"
    if not path.is_file():
        ours = ", ".join(sorted(p.stem for p in FOLDER.glob("*.json")))
        raise InputError(f"There is no plan {name!r}.", field="plan", value=name, allowed=f"a .json file, or {ours}")
    try:
        return Plan.from_json(json.loads(path.read_text()))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON: {error}.", field="plan", value=name) from error
