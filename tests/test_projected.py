"""The projected discriminator, what it is shown, and how pixels without a trusted label are left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from test_losses import Reader
from torch import Tensor

from model.data.sources import Batch
from model.errors import InputError
from model.network.rows import config_of
from model.perception.efficientnet import TAPS, EfficientNetFeatures, EfficientNetLite0
from model.perception.segmenter import SegmenterConfig
from model.training.colours import ClassColours
from model.training.diff_augment import KINDS, Augmentation
from model.training.frozen import FrozenNetworks
from model.training.losses import label_loss, perceptual_loss
from model.training.networks import new_networks
from model.training.plan import Plan
from model.training.projected import DEVIATIONS, ProjectedDiscriminator
from model.training.sampler import Scene
from model.training.step import TrainingStep

CPU = torch.device("cpu")
SIZE = (64, 64)
PLAN = {
    "network": {"classes": 3, "widths": [24, 24, 24, 24, 24, 12, 12], "groups": [3, 3, 3, 3, 3, 3, 1], "hidden": 6},
    "phases": [{"size": [64, 64], "batch": 2, "images": 8}],
    "lr_generator": 1e-3,
    "lr_discriminator": 1e-3,
    "init_gain": None,
    "discriminator": "projected",
    "discriminator_width": 8,
    "augment": list(KINDS),
    "perceptual": "efficientnet",
    "weights": {"feature_matching": 0, "perceptual": 4, "kl": 0.01, "moments": 8, "texture": 6, "locality": 5},
    "kl_per_image": True,
    "prior_share": 0.5,
}


@pytest.fixture(scope="module")
def backbone() -> EfficientNetLite0:
    """The network as it is built, with random weights: what it was taught is not what these tests are about."""
    torch.manual_seed(1)
    return EfficientNetLite0().eval().requires_grad_(False)


def scene_batch(known: bool = False) -> Batch:
    """Two photos of three classes; with ``known``, nobody knows what the right quarter shows."""
    random = torch.Generator().manual_seed(0)
    labels = torch.zeros(2, *SIZE, dtype=torch.long)
    labels[:, :20] = 1
    labels[:, 20:, :40] = 2
    photos = torch.rand(2, 3, *SIZE, generator=random) * 2 - 1
    trusted = torch.ones(2, *SIZE, dtype=torch.bool)
    trusted[:, :, 48:] = False
    return Batch(labels, photos, None, trusted if known else None)


def step_of(backbone: EfficientNetLite0, **changes: object) -> TrainingStep:
    plan = Plan.from_json({**PLAN, **changes})
    config, batch = replace(plan.config(), image_size=SIZE), scene_batch()
    colours = ClassColours.measure([(batch.photos, Scene.of(batch, config).trusted)])
    frozen = FrozenNetworks.of(plan, backbone=backbone)
    return TrainingStep(new_networks(config, plan, CPU), plan, CPU, torch.float32, frozen, colours)


def test_a_step_trains_all_networks_and_looks_at_each_picture_once(backbone: EfficientNetLite0) -> None:
    step = step_of(backbone, weights={**PLAN["weights"], "locality": 0})  # type: ignore[dict-item]
    before = {name: value.clone() for name, value in step.networks.named_parameters()}
    looks: list[int] = []
    hook = backbone.stem.register_forward_pre_hook(lambda module, inputs: looks.append(len(inputs[0])))
    step(scene_batch(), 0, 0)
    hook.remove()
    assert sorted(looks) == [
        2,
        3,
    ]  # the photos, and three pictures: both with their photo's codes, one with mixed codes
    assert {"gan", "perceptual", "discriminator", "texture", "moments"} <= set(step.sums)
    assert "feature_matching" not in step.sums
    assert all(value.isfinite() for value in step.sums.values())
    for part in ("generator", "encoder", "discriminator.judges", "discriminator.pixel_judge"):
        moved = [not torch.equal(before[n], p) for n, p in step.networks.named_parameters() if n.startswith(part)]
        assert any(moved), part


def test_features_are_matched_where_the_plan_asks_for_it(backbone: EfficientNetLite0) -> None:
    step = step_of(backbone, weights={"feature_matching": 10, "perceptual": 0, "kl": 0.01})
    step(scene_batch(), 0, 0)
    assert step.sums["feature_matching"] > 0


def test_neither_the_backbone_nor_the_projections_are_in_the_state(backbone: EfficientNetLite0) -> None:
    config = config_of({"classes": 3})
    torch.manual_seed(0)
    first, second = (ProjectedDiscriminator(config, 8) for _ in range(2))
    assert {name.split(".")[0] for name in first.state_dict()} == {"judges", "pixel_judge"}
    second.load_state_dict(first.state_dict())
    first.eval(), second.eval()
    condition, picture = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        seen = backbone(picture, TAPS)
        said, again = (network(condition, picture, seen) for network in (first, second))
    assert [tuple(scale[-1].shape[2:]) for scale in said] == [(8, 8), (4, 4), (4, 4), (2, 2), (16, 16)]
    assert all(torch.equal(a[-1], b[-1]) for a, b in zip(said, again))


def test_mixtures_have_about_unit_deviation_whatever_the_tap() -> None:
    discriminator = ProjectedDiscriminator(config_of({"classes": 3}), 8)
    torch.manual_seed(0)
    seen = {
        name: deviation * torch.randn(2, TAPS[name][0], 64 // 2**i, 64 // 2**i)
        for i, (name, deviation) in enumerate(DEVIATIONS.items())
    }
    deviations = [mixture.std().item() for mixture in discriminator._mixtures(seen)]
    assert all(0.6 < deviation < 1.4 for deviation in deviations), deviations


def test_every_judge_sees_the_labels(backbone: EfficientNetLite0) -> None:
    torch.manual_seed(0)
    discriminator = ProjectedDiscriminator(config_of({"classes": 3}), 8).eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        seen = backbone(picture, TAPS)
        one, other = (discriminator(onehot, picture, seen) for onehot in classes_everywhere(0, 1))
    assert all(not torch.allclose(a[-1], b[-1]) for a, b in zip(one, other))


def classes_everywhere(*classes: int) -> list[Tensor]:
    """For each class the one-hot [1, 3, 64, 64] of a map that shows nothing else."""
    maps = []
    for index in classes:
        onehot = torch.zeros(1, 3, 64, 64)
        onehot[:, index] = 1
        maps.append(onehot)
    return maps


def test_augmented_pictures_and_their_maps_are_moved_alike() -> None:
    random = torch.Generator().manual_seed(0)
    pictures = torch.rand(6, 3, 48, 64, generator=random) + 0.1
    drawn = Augmentation.draw(("translation",), 6, (48, 64), random)
    assert drawn.shift is not None and drawn.colour is None and drawn.cut is None
    moved, alone = drawn.pictures(pictures), drawn.moved(pictures[:, :1])
    assert torch.equal(moved[:, :1], alone)
    right, down = (int(n) for n in drawn.shift[2])
    assert (right, down) != (0, 0) and abs(right) <= 8 and abs(down) <= 6
    rolled = pictures[2].roll((down, right), (1, 2))
    inside = torch.zeros(48, 64, dtype=torch.bool)
    inside[max(down, 0) : 48 + min(down, 0), max(right, 0) : 64 + min(right, 0)] = True
    assert torch.equal(moved[2] * inside, rolled * inside)
    assert (moved[2][:, ~inside] == 0).all()


def test_a_photo_and_what_was_made_of_its_map_are_augmented_alike() -> None:
    drawn = Augmentation.draw(KINDS, 3, (32, 32), torch.Generator().manual_seed(0))
    pictures = torch.rand(3, 3, 32, 32)
    once, twice = drawn.pictures(pictures), drawn.of([0, 1, 2, 0]).pictures(pictures[[0, 1, 2, 0]])
    assert torch.equal(twice[:3], once) and torch.equal(twice[3], once[0])
    assert not torch.allclose(once, pictures)


def test_a_cutout_takes_at_most_a_quarter_and_colours_move_together() -> None:
    random = torch.Generator().manual_seed(0)
    cut = Augmentation.draw(("cutout",), 50, (32, 32), random).pictures(torch.ones(50, 3, 32, 32))
    shares = (cut == 0).float().mean((1, 2, 3))
    assert 0 < shares.min() < shares.max() <= 0.25 + 1e-6
    grey = torch.full((8, 3, 4, 4), 0.25)
    changed = Augmentation.draw(("colour",), 8, (4, 4), random).pictures(grey)
    assert torch.allclose(changed, changed[:, :1, :1, :1].expand_as(changed), atol=1e-6)  # a grey wall stays one
    assert (changed[:, 0, 0, 0] - 0.25).abs().max() <= 0.5


def test_what_a_step_draws_is_a_function_of_the_step(backbone: EfficientNetLite0) -> None:
    once, again = step_of(backbone), step_of(backbone)
    for step in (once, again):
        step(scene_batch(), 3, 6)
    for name, value in once.networks.state_dict().items():
        assert torch.equal(value, again.networks.state_dict()[name]), name


def test_nothing_is_learnt_from_pixels_that_nobody_knows(backbone: EfficientNetLite0) -> None:
    """All losses but the adversarial one, with two photos that differ in their unknown quarter alone. The encoder reads
    whole photos, so the pictures are made without it."""
    plan = Plan.from_json({**PLAN, "augment": []})
    step, config = step_of(backbone, augment=[]), replace(plan.config(), image_size=SIZE)
    weights = replace(plan.weights, gan=0)
    batch = scene_batch(known=True)
    other = replace(batch, photos=batch.photos.where(batch.known[:, None], -batch.photos))  # type: ignore[index]
    random = torch.Generator().manual_seed(5)  # with this seed one class of the mixed picture keeps its code
    rendered = step.sampler(Scene.of(batch, config), step.networks.encoder, step.networks.generator, random)
    assert (rendered.codes.donors == 0).sum() in (1, 2)
    found = []
    for changed in (batch, other):
        scene = Scene.of(changed, config)
        shown = step.showing(scene, rendered, torch.Generator())
        found.append(step.objective(scene, rendered, shown, step.networks.discriminator, weights, 0.01))
        assert (shown[1].condition[:, :, :, 48:] == 0).all() and (shown[1].condition[:, :, :, :48].sum(1) == 1).all()
    for name in ("moments", "mixed_moments", "texture", "mixed_texture", "locality"):
        assert found[0][name].item() == found[1][name].item(), name
        assert found[0][name] > 0, name


def test_features_of_unknown_pixels_are_not_compared() -> None:
    fake, real = [torch.zeros(1, 2, 4, 4)], [torch.zeros(1, 2, 4, 4)]
    real[0][..., 2:] = 1
    known = torch.ones(1, 8, 8, dtype=torch.bool)
    assert perceptual_loss((2.0,), fake, real, known).item() == pytest.approx(1.0)
    known[..., 4:] = False
    assert perceptual_loss((2.0,), fake, real, known).item() == 0
    assert perceptual_loss((2.0,), fake, real, torch.zeros_like(known)).item() == 0


def test_labels_are_not_read_where_nobody_knows_them() -> None:
    reader = Reader(SegmenterConfig(3, (16, 16), (4, 8)))
    labels = torch.zeros(1, 16, 16, dtype=torch.long)
    shown = torch.nn.functional.one_hot(labels, 3).permute(0, 3, 1, 2).float()
    labels[:, :4] = 1  # what the picture does not show
    known = torch.ones(1, 16, 16, dtype=torch.bool)
    assert label_loss(reader, shown, labels, known).item() > 1
    known[:, :4] = False
    assert label_loss(reader, shown, labels, known).item() < 1e-3
    assert label_loss(reader, shown, labels, torch.zeros_like(known)).item() == 0


def test_losses_and_discriminator_look_through_one_network(backbone: EfficientNetLite0) -> None:
    frozen = FrozenNetworks.of(Plan.from_json(PLAN), backbone=backbone)
    assert isinstance(frozen.features, EfficientNetFeatures)
    assert frozen.features.network is frozen.backbone is backbone
    patch = FrozenNetworks.of(Plan.from_json({**PLAN, "discriminator": "patch"}), backbone=backbone)
    assert patch.backbone is None and isinstance(patch.features, EfficientNetFeatures)


def test_the_patch_discriminator_can_be_augmented_too(backbone: EfficientNetLite0) -> None:
    step = step_of(backbone, discriminator="patch")
    step(scene_batch(known=True), 0, 0)
    assert all(value.isfinite() for value in step.sums.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"discriminator": "oracle"}, "discriminator 'oracle'; allowed is patch, projected"),
        ({"perceptual": "eyes"}, "perceptual 'eyes'; allowed is vgg19, vgg16, efficientnet, segmenter"),
        ({"augment": ["colour", "snow"]}, "augment 'snow'; allowed is colour, translation, cutout"),
        ({"augment": "colour"}, "augment is 'colour'; allowed is a list of names"),
    ],
)
def test_a_plan_names_what_there_is(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Plan.from_json({**PLAN, **change})
