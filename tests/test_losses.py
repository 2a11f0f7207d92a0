"""Each loss against its formula, written another way."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from model.errors import InputError
from model.perception.colour import class_moments
from model.perception.features import SegmenterFeatures, Vgg19Features
from model.perception.segmenter import Segmenter, SegmenterConfig
from model.training.colours import ClassColours
from model.training.losses import (
    anchor_loss,
    class_moment_loss,
    class_textures,
    feature_matching,
    hinge_discriminator,
    hinge_generator,
    kl_divergence,
    label_loss,
    locality_loss,
    perceptual_loss,
    prior_colour_loss,
    texture_loss,
)


def features(*predictions: float) -> list[list[Tensor]]:
    return [[torch.full((1, 2, 4, 4), 2 * p), torch.full((1, 1, 3, 3), p)] for p in predictions]


def test_hinge_is_averaged_over_scales() -> None:
    assert hinge_discriminator(features(2.0, 0.5), features(-3.0, 0.0)).item() == pytest.approx((0 + 0 + 0.5 + 1.0) / 2)
    assert hinge_generator(features(2.0, -1.0)).item() == pytest.approx(-0.5)


def test_feature_matching_leaves_the_prediction_out_and_the_real_alone() -> None:
    real, fake = features(1.0, 2.0), features(0.5, 2.0)
    for scale in (*real, *fake):
        for layer in scale:
            layer.requires_grad_(True)
    loss = feature_matching(real, fake)
    loss.backward()
    assert loss.item() == pytest.approx(0.5)  # |2·1 − 2·0.5| on the first scale, 0 on the second
    assert real[0][0].grad is None
    assert fake[0][0].grad is not None
    assert fake[0][1].grad is None


def test_kl_is_that_of_two_normals() -> None:
    mu, logvar = torch.randn(5), torch.randn(5)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(mu, (0.5 * logvar).exp()), torch.distributions.Normal(0.0, 1.0)
    )
    assert torch.allclose(kl_divergence(mu, logvar), expected, atol=1e-6)


def test_class_moments_are_those_of_the_class_pixels() -> None:
    torch.manual_seed(0)
    labels = torch.randint(0, 3, (2, 16, 16))
    picture = torch.rand(2, 3, 16, 16)
    onehot = torch.nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2).float()
    mean, deviation, present = class_moments(picture, onehot)
    assert present.tolist() == [[True, True, True, False]] * 2
    pixels = picture[1][:, labels[1] == 2]
    assert torch.allclose(mean[1, 2], pixels.mean(1), atol=1e-5)
    assert torch.allclose(deviation[1, 2], pixels.std(1, correction=0), atol=1e-4)
    assert class_moment_loss(picture, picture, onehot, torch.ones(4)).item() == 0
    assert class_moment_loss(picture + 0.1, picture, onehot, torch.ones(4)).item() == pytest.approx(0.1, abs=1e-4)


def test_a_mixed_picture_is_compared_with_the_photos_its_looks_come_from() -> None:
    onehot = torch.zeros(2, 2, 8, 8)
    onehot[:, 0, :4] = onehot[:, 1, 4:] = 1
    real = torch.zeros(2, 3, 8, 8)
    real[1] = 0.5
    mixed = torch.zeros(1, 3, 8, 8)
    mixed[:, :, 4:] = 0.5  # class 1 looks as in the second photo
    assert class_moment_loss(mixed, real, onehot, torch.ones(2), torch.tensor([[0, 1]])).item() == pytest.approx(
        0, abs=1e-4
    )
    assert class_moment_loss(mixed, real, onehot, torch.ones(2), torch.tensor([[0, 0]])).item() == pytest.approx(
        0.25, abs=1e-3
    )
    assert class_moment_loss(mixed, real, onehot, torch.ones(2), torch.tensor([[0, -1]])).item() == pytest.approx(
        0, abs=1e-4
    )
    assert class_moment_loss(mixed, real, onehot, torch.ones(2), torch.tensor([[-1, -1]])).item() == 0


def test_moments_count_in_units_of_how_far_a_class_varies() -> None:
    onehot = torch.zeros(4, 2, 8, 8)
    onehot[:, 0, :4] = onehot[:, 1, 4:] = 1
    photos = torch.zeros(4, 3, 8, 8)
    photos[:, :, :4] = torch.tensor([-0.4, 0.4, -0.4, 0.4])[:, None, None, None]
    photos[:, :, 4:] = torch.tensor([-0.1, 0.1, -0.1, 0.1])[:, None, None, None]
    spread = ClassColours.measure((photos[i : i + 2], onehot[i : i + 2]) for _ in range(16) for i in (0, 2)).spread
    assert torch.allclose(spread, torch.tensor([0.4, 0.1]))
    averages = torch.zeros_like(photos)  # a fake that shows every class at its average is wrong by one spread each
    assert class_moment_loss(averages, photos, onehot, spread).item() == pytest.approx(1, abs=1e-4)


def coloured(colours: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures [N, 3, 8, 8] whose upper and lower halves, two classes, are flat colours [N, 2, 3]; their one-hot."""
    onehot = torch.zeros(len(colours), 2, 8, 8)
    onehot[:, 0, :4] = onehot[:, 1, 4:] = 1
    return colours.transpose(1, 2).repeat_interleave(4, 2)[..., None].expand(-1, -1, -1, 8), onehot


def test_an_anchored_code_is_its_class_colour_both_ways() -> None:
    torch.manual_seed(0)
    photos, onehot = coloured(0.3 * torch.randn(400, 2, 3) * torch.tensor([0.4, 1, 0.7]))
    colours = ClassColours.measure([(photos, onehot)])
    mean, _, _ = class_moments(photos, onehot)
    code = colours.to_code(mean)
    assert torch.allclose(code[:, 0].T.cov(), torch.eye(3), atol=0.15)
    inner = (code.abs() < 3).all(2)
    assert torch.allclose(colours.from_code(code)[inner], mean.clamp(-0.97, 0.97)[inner], atol=1e-4)
    codes = torch.cat([code, torch.zeros(400, 2, 5)], dim=-1)
    assert anchor_loss(codes, photos, onehot, colours).item() == pytest.approx(0, abs=1e-6)
    assert anchor_loss(codes + 0.5, photos, onehot, colours).item() == pytest.approx(0.25, abs=1e-4)
    prior = torch.tensor([True, False]).expand(400, 2)
    assert prior_colour_loss(photos, onehot, codes, prior, colours).item() == pytest.approx(0, abs=5e-3)
    wrong = photos.clone()
    wrong[:, :, 4:] += 0.3  # a class whose code is a photo's is not compared
    assert prior_colour_loss(wrong, onehot, codes, prior, colours).item() == pytest.approx(0, abs=5e-3)
    assert prior_colour_loss(wrong, onehot, codes, ~prior, colours).item() > 0.5


def test_sampled_codes_have_colours_that_the_data_has() -> None:
    torch.manual_seed(0)
    seasons = torch.where(torch.rand(600, 2, 1) < 0.5, torch.tensor([-0.5, 0.3, -0.5]), torch.tensor([0.6, 0.0, -0.6]))
    data = seasons + 0.05 * torch.randn(600, 2, 3)  # green or autumnal, nothing between
    colours = ClassColours.measure([coloured(data)])
    sampled = colours.from_code(torch.randn(600, 2, 3))
    nearest = torch.cdist(sampled[:, 0], data[:, 0]).amin(1)
    bell = torch.randn(600, 3) @ torch.linalg.cholesky(data[:, 0].T.cov()).T + data[:, 0].mean(0)
    assert nearest.mean() < 0.3 * torch.cdist(bell, data[:, 0]).amin(1).mean()
    assert sampled[:, 0].std(0).tolist() == pytest.approx(data[:, 0].std(0).tolist(), rel=0.15)


def test_a_class_that_is_hardly_seen_has_colours_all_the_same() -> None:
    photos, onehot = coloured(torch.zeros(4, 2, 3))
    colours = ClassColours.measure([(photos, onehot)])
    assert torch.isfinite(colours.to_code(torch.ones(1, 2, 3))).all()
    assert colours.from_code(torch.randn(9, 2, 3)).abs().max() < 0.2


def test_textures_are_those_inside_a_class() -> None:
    torch.manual_seed(0)
    onehot = torch.zeros(2, 3, 32, 32)
    onehot[:, 0, :, :16] = onehot[:, 1, :, 16:] = 1
    rough = torch.zeros(2, 3, 32, 32)
    rough[..., 16:] = 0.8 + 0.1 * torch.randn(2, 3, 32, 16)
    amounts, counted = class_textures(rough, onehot)
    assert counted.any(2).tolist() == [[True, True, False]] * 2
    assert amounts[:, 0].max() < 1e-3  # the step between the halves belongs to neither
    pairs = rough[0, :, :, 16:].diff(dim=2)
    assert amounts[0, 1, 0].item() == pytest.approx(pairs.abs().mean().item(), rel=1e-5)
    assert amounts[0, 1, amounts.shape[2] // 2].item() == pytest.approx(pairs.square().mean().sqrt().item(), rel=1e-5)


def test_a_texture_counts_by_its_amount_and_not_by_its_place() -> None:
    torch.manual_seed(0)
    onehot = torch.ones(2, 1, 64, 64)
    real = torch.stack([0.3 * torch.randn(3, 64, 64), 0.1 * torch.randn(3, 64, 64)])
    again = 0.3 * torch.randn(1, 3, 64, 64)
    assert texture_loss(again, real, onehot).item() < 0.05
    assert texture_loss(0.5 * again, real, onehot).item() == pytest.approx(math.log(2), abs=0.1)
    assert texture_loss(again, real, onehot, torch.tensor([[1]])).item() == pytest.approx(math.log(3), abs=0.2)
    assert texture_loss(again, real, onehot, torch.tensor([[-1]])).item() == 0


def test_few_strong_marks_are_another_texture_than_an_even_grain() -> None:
    torch.manual_seed(0)
    onehot = torch.ones(1, 1, 64, 64)
    grain, marks = torch.randn(2, 1, 1, 64, 64).expand(-1, -1, 3, -1, -1)
    marks = marks * (torch.rand(64, 64) < 0.05)
    for alike in (Tensor.abs, Tensor.square):
        scale = alike(grain.diff(dim=2)).mean() / alike(marks.diff(dim=2)).mean()
        scaled = marks * (scale if alike is Tensor.abs else scale.sqrt())
        assert texture_loss(scaled, grain, onehot).item() > 0.25


def test_labels_that_are_read_right_cost_little_and_classes_count_alike() -> None:
    torch.manual_seed(0)
    reader = Reader(SegmenterConfig(3, (16, 16), (4, 8)))
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    labels[:, :4] = 1  # an eighth of the picture
    shown = torch.nn.functional.one_hot(labels, 3).permute(0, 3, 1, 2).float()
    assert label_loss(reader, shown, labels).item() < 1e-3
    wrong = shown.clone()
    wrong[:, :, :4] = torch.tensor([1.0, 0, 0])[:, None, None]
    assert label_loss(reader, wrong, labels).item() == pytest.approx(5, rel=1e-2)  # one of two classes, 10 nats off


class Reader(Segmenter):
    """Takes a picture's channels for the classes' scores."""

    def forward(self, picture: Tensor) -> Tensor:
        return 10 * picture


def test_a_tiny_class_is_not_counted() -> None:
    onehot = torch.zeros(1, 2, 32, 32)
    onehot[:, 0] = 1
    onehot[0, :, 0, 0] = torch.tensor([0.0, 1.0])
    assert class_moments(torch.rand(1, 3, 32, 32), onehot)[2].tolist() == [[True, False]]


def test_perceptual_loss_is_zero_on_the_same_picture_and_reaches_the_fake() -> None:
    torch.manual_seed(0)
    extractor = SegmenterFeatures(Segmenter(SegmenterConfig(3, (16, 16), (4, 8))))
    fake, real = torch.rand(1, 3, 16, 16, requires_grad=True), torch.rand(1, 3, 16, 16)
    target = extractor(real)
    assert perceptual_loss(extractor.weights, target, target).item() == 0
    perceptual_loss(extractor.weights, extractor(fake), target).backward()
    assert fake.grad is not None and fake.grad.abs().sum() > 0


def test_what_changes_where_a_code_was_kept_is_what_locality_costs() -> None:
    torch.manual_seed(0)
    extractor = SegmenterFeatures(Segmenter(SegmenterConfig(3, (16, 16), (4, 8))))
    before, kept = torch.rand(2, 3, 32, 32), torch.zeros(2, 32, 32)
    kept[:, :16] = 1
    elsewhere = before.clone()
    elsewhere[:, :, 16:] = 0
    assert locality_loss(elsewhere, before, kept, extractor).item() == 0
    leaking = (before + 0.1 * kept[:, None]).requires_grad_()
    pixels = locality_loss(leaking, before, kept, None)
    assert pixels.item() == pytest.approx(0.1)
    loss = locality_loss(leaking, before, kept, extractor)
    assert loss > pixels
    loss.backward()
    assert leaking.grad is not None and leaking.grad[:, :, :16].abs().min() > 0
    assert leaking.grad[:, :, 16:].abs().max() == 0


def vgg_state() -> dict[str, Tensor]:
    """Torchvision's names up to conv5_1, and a classifier, which we leave out."""
    state = {"classifier.0.weight": torch.zeros(1)}
    inputs = 3
    positions = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)
    for i, width in zip(positions, (64, 64, 128, 128, *[256] * 4, *[512] * 5)):
        state[f"features.{i}.weight"] = torch.full((width, inputs, 3, 3), 0.01)
        state[f"features.{i}.bias"] = torch.zeros(width)
        inputs = width
    return state


def test_vgg19_in_torchvisions_layout(tmp_path: Path) -> None:
    torch.save(vgg_state(), tmp_path / "vgg19.pth")
    stages = Vgg19Features(tmp_path / "vgg19.pth")(torch.ones(1, 3, 32, 32))
    assert [tuple(stage.shape[1:]) for stage in stages] == [
        (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2)
    ]  # fmt: skip
    assert stages[0][0, 0, 5, 5].item() == pytest.approx(27 * 0.01)


def test_a_file_that_is_not_vgg19_is_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other.pth is not a VGG-19 in torchvision's layout"):
        Vgg19Features(tmp_path / "other.pth")
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match=r"cut.pth"):
        Vgg19Features(tmp_path / "cut.pth")
