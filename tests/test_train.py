"""Training runs on small made data: what is written, what is resumed, what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import random_checkpoint
from PIL import Image

from model.__main__ import main as command_line
from model.checkpoint import load_checkpoint, save_checkpoint
from model.checkpoint.segmenter import load_segmenter
from model.commands.train import add_arguments, main
from model.data.landscape import Landscape
from model.data.sources import WORLD_TERMS, Batch, LiveWorld, PhotoFolder, RenderedWorld, prefetch
from model.errors import InputError
from model.network.config import at_size
from model.network.encoder import Encoder
from model.network.layers import semantics
from model.network.presets import PRESETS, cityscapes, deepfashion
from model.recipe.labels import write_labels
from model.recipe.taxonomy import TAXONOMIES
from model.recipe.terms import Terms
from model.training import streams
from model.training.lessons import SmallLesson
from model.training.networks import new_networks, start_codes
from model.training.plan import Plan
from model.training.sampler import prior_codes
from model.training.segmenter import train_segmenter
from model.training.step import TrainingStep
from model.training.streams import FirstBatch

CPU = torch.device("cpu")
PLAN = {
    "preset": "landscape",
    "phases": [{"size": [64, 64], "batch": 2, "images": 8}],
    "lr_generator": 1e-3,
    "lr_discriminator": 1e-3,
    "init_gain": None,
    "discriminator_width": 8,
    "perceptual": "segmenter",
    "segmenter_images": 4,
    "weights": {"kl": 0.01, "moments": 10, "locality": 5, "anchor": 2, "texture": 1, "labels": 1},
    "code_sigma": 0.2,
    "lr_encoder": 3e-4,
    "kl_per_image": True,
    "kl_start": 0.002,
    "kl_warm_images": 4,
    "prior_share": 0.5,
    "ema": 0.9,
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen rendered scenes, in the form that ``landscape --render`` writes."""
    folder = tmp_path_factory.mktemp("scenes")
    labels, pictures = Landscape(64, seed=3).scenes(0, 16)
    np.save(folder / "labels.npy", labels.numpy())
    np.save(folder / "pictures.npy", pictures.numpy())
    (folder / "scenes.json").write_text(json.dumps({"world": 1, "size": 64, "seed": 3, "count": 16}))
    (folder / "done").write_text("1")
    return folder


def train(run: Path, *arguments: str, plan: dict[str, object] | None = None) -> None:
    if plan is not None:
        run.parent.mkdir(parents=True, exist_ok=True)
        path = run.with_suffix(".json")
        path.write_text(json.dumps(plan))
        arguments = (*arguments, "--plan", str(path))
    parser = ArgumentParser()
    add_arguments(parser)
    main(parser.parse_args([str(run), "--device", "cpu", "--precision", "float32", *arguments]))


def weights(run: Path) -> dict[str, torch.Tensor]:
    return torch.load(run / "state.pt", weights_only=True)["networks"]


@pytest.fixture(scope="module")
def whole(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four steps in one go."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    train(run, "--data", str(scenes), "--sheet-every", "2", plan=PLAN)
    return run


def test_a_run_leaves_a_checkpoint_sheets_and_its_state(whole: Path) -> None:
    checkpoint = load_checkpoint(whole / "checkpoint")
    assert checkpoint.config.image_size == (64, 64)
    assert checkpoint.taxonomy.names == TAXONOMIES["landscape"].names
    assert checkpoint.encoder is not None
    assert checkpoint.record is not None and checkpoint.record["images"] == 8
    assert checkpoint.terms == WORLD_TERMS
    assert sorted(path.name for path in (whole / "sheets").iterdir()) == ["00000004.png", "00000008.png"]
    with Image.open(whole / "sheets" / "00000008.png") as sheet:
        assert sheet.size == (6 * 64, 6 * 64)


def test_a_log_line_tells_losses_and_where_the_time_goes(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("model.training.run.LOG_STEPS", 4)
    train(tmp_path / "run", "--data", str(scenes), plan=PLAN)
    (line,) = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert line["images"] == 8 and line["gan"] != 0
    assert set(line["shares"]) == {"data", "pictures and losses", "their gradients", "discriminator", "averages"}
    assert sum(line["shares"].values()) == pytest.approx(1, abs=0.01)
    assert "their gradients" in capfd.readouterr().err


def test_training_moves_every_weight_that_a_picture_uses(whole: Path, scenes: Path, tmp_path: Path) -> None:
    train(
        tmp_path / "start",
        "--data",
        str(scenes),
        plan={**PLAN, "phases": [{"size": [64, 64], "batch": 2, "images": 0}]},
    )
    before, after = weights(tmp_path / "start"), weights(whole)
    learnt = [
        name for name in before if name.startswith(("generator", "encoder", "discriminator")) and "_u" not in name
    ]
    assert [name for name in learnt if torch.equal(before[name], after[name]) and "num_batches" not in name] == []


def test_a_resumed_run_ends_where_an_unbroken_one_ends(whole: Path, scenes: Path, tmp_path: Path) -> None:
    first = {**PLAN, "phases": [{"size": [64, 64], "batch": 2, "images": 8}]}
    train(tmp_path / "run", "--data", str(scenes), "--minutes", "0.00001", plan=first)
    assert json.loads((tmp_path / "run" / "checkpoint" / "record.json").read_text())["step"] == 1
    train(tmp_path / "run", "--data", str(scenes))
    resumed, unbroken = weights(tmp_path / "run"), weights(whole)
    for name, value in unbroken.items():
        assert torch.allclose(resumed[name].float(), value.float(), atol=1e-6), name


def test_a_run_killed_between_steps_goes_on_from_its_last_save(
    whole: Path, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written on the way out: the first process dies in its third step, after the second was saved."""
    monkeypatch.setattr("model.training.run.SAVE_SECONDS", 0)
    step = TrainingStep.__call__

    def dies(self: TrainingStep, batch: Batch, number: int, images: int) -> None:
        if number == 2:
            raise KeyboardInterrupt
        step(self, batch, number, images)

    with monkeypatch.context() as killed:
        killed.setattr(TrainingStep, "__call__", dies)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "run", "--data", str(scenes), plan=PLAN)
    (tmp_path / "run" / "state.partial").write_bytes(b"cut off while it was written")
    train(tmp_path / "run", "--data", str(scenes))
    resumed, unbroken = weights(tmp_path / "run"), weights(whole)
    for name, value in unbroken.items():
        assert torch.allclose(resumed[name].float(), value.float(), atol=1e-6), name


def test_a_segmenter_killed_half_way_goes_on(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.training.segmenter.SAVE_SECONDS", 0)
    source, path = RenderedWorld(scenes, CPU), tmp_path / "segmenter.safetensors"
    seen: list[int] = []
    batch = RenderedWorld.batch

    def fails(self: RenderedWorld, step: int, count: int, size: tuple[int, int]) -> Batch:
        seen.append(step - FirstBatch.SEGMENTER)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return batch(self, step, count, size)

    monkeypatch.setattr(RenderedWorld, "batch", fails)
    with pytest.raises(KeyboardInterrupt):
        train_segmenter(path, SmallLesson(source, (64, 64)), 2, 12, nullcontext)
    train_segmenter(path, SmallLesson(source, (64, 64)), 2, 12, nullcontext)
    assert seen == [0, 1, 2, 3, 3, 4, 5]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["segmenter.safetensors"]


def test_the_segmenter_can_be_trained_alone_and_further(scenes: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(run, "--data", str(scenes), "--segmenter-only", "6", plan=PLAN)
    assert sorted(file.name for file in run.iterdir()) == ["plan.json", "segmenter.safetensors"]
    first = load_segmenter(run / "segmenter.safetensors")
    train(run, "--data", str(scenes), "--segmenter-only", "4")
    further = load_segmenter(run / "segmenter.safetensors")
    assert further.config == first.config and further.config.size == (64, 64)
    steps = [int(segmenter.state_dict()["down.0.1.num_batches_tracked"]) for segmenter in (first, further)]
    assert steps == [3, 5]
    assert not torch.equal(further.predict.weight, first.predict.weight)


def test_the_segmenter_learns_to_tell_colours(tmp_path: Path) -> None:
    """Bright classes and dark ones, in blocks whose borders lie on odd pixels too."""

    class Blocks:
        taxonomy, device, terms = TAXONOMIES["landscape"], CPU, Terms()

        def batch(self, step: int, count: int, size: tuple[int, int]) -> Batch:
            random = torch.Generator().manual_seed(step)
            coarse = torch.randint(0, 2, (count, 5, 5), generator=random)
            labels = torch.nn.functional.interpolate(coarse[:, None].float(), size)[:, 0].long()
            noise = 0.2 * torch.randn(count, 3, *size, generator=random)
            return Batch(labels * 3, labels[:, None] - 0.5 + noise, None)

    path = tmp_path / "segmenter.safetensors"
    torch.manual_seed(0)
    train_segmenter(path, SmallLesson(Blocks(), (32, 32)), 8, 600, nullcontext)
    test = Blocks().batch(10**6, 4, (32, 32))
    assert (load_segmenter(path).segment(test.photos) == test.labels).float().mean() > 0.95


def test_a_terminated_run_saves_where_it_is(scenes: Path, tmp_path: Path) -> None:
    plan = tmp_path / "long.json"
    plan.write_text(json.dumps({**PLAN, "phases": [{"size": [64, 64], "batch": 2, "images": 100_000}]}))
    command = [sys.executable, "-m", "model", "train", str(tmp_path / "run"), "--plan", str(plan), "--device", "cpu"]
    process = subprocess.Popen([*command, "--data", str(scenes), "--sheet-every", "1"], cwd=Path(__file__).parents[1])
    deadline = time.monotonic() + 90
    while not list((tmp_path / "run").glob("sheets/*.png")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert load_checkpoint(tmp_path / "run" / "checkpoint").record["step"] >= 1  # type: ignore[index]


def test_two_processes_train_one_network(scenes: Path, whole: Path, tmp_path: Path) -> None:
    """Each sees other pictures, and both must end with the same weights: gradients are averaged."""
    run, plan = tmp_path / "run", tmp_path / "plan.json"
    run.mkdir()
    (run / "segmenter.safetensors").write_bytes((whole / "segmenter.safetensors").read_bytes())
    plan.write_text(json.dumps({**PLAN, "phases": [{"size": [64, 64], "batch": 2, "images": 4}]}))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "model"]
    command += ["train", str(run), "--plan", str(plan), "--data", str(scenes), "--device", "cpu"]
    subprocess.run(
        command, check=True, timeout=180, env={**os.environ, "OMP_NUM_THREADS": "1"}, cwd=Path(__file__).parents[1]
    )
    assert load_checkpoint(run / "checkpoint").record["images"] == 8  # type: ignore[index]


def test_what_a_step_sees_depends_on_the_step_alone(scenes: Path) -> None:
    source = RenderedWorld(scenes, CPU)
    once, again = source.batch(5, 4, (64, 64)), RenderedWorld(scenes, CPU).batch(5, 4, (64, 64))
    assert torch.equal(once.labels, again.labels) and torch.equal(once.photos, again.photos)
    assert not torch.equal(once.photos, source.batch(6, 4, (64, 64)).photos)
    ahead = list(prefetch(source, ((step, 4, (64, 64)) for step in (4, 5))))
    assert torch.equal(ahead[1].photos, once.photos)


def test_smaller_sizes_are_means_of_the_picture_and_samples_of_the_map(scenes: Path) -> None:
    source = RenderedWorld(scenes, CPU)
    full, half = source.batch(0, 2, (64, 64)), source.batch(0, 2, (32, 32))
    assert torch.allclose(half.photos, torch.nn.functional.avg_pool2d(full.photos, 2), atol=0.5 / 127.5 + 1e-6)
    assert half.labels.shape == (2, 32, 32)


def test_a_set_that_is_not_finished_is_refused(scenes: Path, tmp_path: Path) -> None:
    for name in ("labels.npy", "pictures.npy", "scenes.json"):
        (tmp_path / name).write_bytes((scenes / name).read_bytes())
    with pytest.raises(InputError, match="not rendered to the end"):
        RenderedWorld(tmp_path, CPU)
    with pytest.raises(InputError, match="does not hold rendered scenes"):
        RenderedWorld(tmp_path / "elsewhere", CPU)


def test_the_live_world_never_repeats(scenes: Path) -> None:
    source = LiveWorld(CPU, seed=3)
    batch = source.batch(1, 2, (64, 64))
    expected, _ = Landscape(64, seed=3).scenes(2, 2)
    assert torch.equal(batch.labels, expected.long())
    assert batch.photos.abs().max() <= 1


def test_a_folder_of_photos_trains_too(tmp_path: Path) -> None:
    """Plain pairs of another taxonomy than the plan's preset are refused with both class counts."""
    for kind in ("photos", "labels"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    random = np.random.default_rng(0)
    for i in range(3):
        labels = random.integers(0, 12, (64, 64), dtype=np.uint8)
        (tmp_path / "data" / "labels" / f"{i}.png").write_bytes(write_labels(labels, TAXONOMIES["landscape"]))
        photo = random.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(photo).save(tmp_path / "data" / "photos" / f"{i}.png")
    batch = PhotoFolder(tmp_path / "data", "landscape", CPU).batch(0, 4, (64, 64))
    assert batch.labels.shape == (4, 64, 64) and batch.photos.shape == (4, 3, 64, 64)
    one_step = {**PLAN, "phases": [{"size": [64, 64], "batch": 2, "images": 2}]}
    train(tmp_path / "run", "--data", str(tmp_path / "data"), "--taxonomy", "landscape", plan=one_step)
    assert (tmp_path / "run" / "checkpoint" / "generator.safetensors").exists()
    with pytest.raises(InputError, match=r"12 classes \(landscape\), but the preset deepfashion has 8"):
        other = {**one_step, "preset": "deepfashion"}
        train(tmp_path / "other", "--data", str(tmp_path / "data"), "--taxonomy", "landscape", plan=other)


def test_photos_and_labels_are_mirrored_together(tmp_path: Path) -> None:
    for kind in ("photos", "labels"):
        (tmp_path / kind).mkdir()
    left_half = np.zeros((64, 64), np.uint8)
    left_half[:, :32] = 6
    (tmp_path / "labels" / "a.png").write_bytes(write_labels(left_half, TAXONOMIES["landscape"]))
    Image.fromarray(np.repeat(left_half[:, :, None] * 40, 3, axis=2)).save(tmp_path / "photos" / "a.png")
    batch = PhotoFolder(tmp_path, "landscape", CPU).batch(0, 16, (64, 64))
    assert torch.equal(batch.photos[:, 0] > 0, batch.labels == 6)
    assert len({int(labels[0, 0]) for labels in batch.labels}) == 2  # some are mirrored, some are not


def test_a_step_with_instance_edges_and_the_papers_losses() -> None:
    plan = Plan.from_json({"preset": "cityscapes", "phases": [{"size": [64, 128], "batch": 2, "images": 2}]})
    step = TrainingStep(new_networks(cityscapes(70), plan, CPU), plan, CPU, torch.float32)
    before = {name: value.clone() for name, value in step.networks.state_dict().items()}
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 35, (2, 4, 8), generator=random).repeat_interleave(16, 1).repeat_interleave(16, 2)
    photos = torch.rand(2, 3, 64, 128, generator=random) * 2 - 1
    step(Batch(labels, photos, torch.arange(2 * 64 * 128).view(2, 64, 128) // 1000), 0, 0)
    assert set(step.sums) == {"gan", "feature_matching", "kl", "discriminator"}
    assert all(value.isfinite() for value in step.sums.values())
    after = step.networks.state_dict()
    for network in ("generator", "encoder", "discriminator", "mean_generator", "mean_encoder"):
        assert any(not torch.equal(before[n], after[n]) for n in after if n.startswith(network)), network


def test_a_run_can_begin_with_a_checkpoint(whole: Path, scenes: Path, tmp_path: Path) -> None:
    start = load_checkpoint(whole / "checkpoint")
    assert start.encoder is not None
    networks = new_networks(start.config, Plan.from_json(PLAN), CPU, start)
    batch = RenderedWorld(scenes, CPU).batch(0, 2, (64, 64))
    codes = prior_codes(start.config, 2, (64, 64), torch.Generator().manual_seed(0))
    mean = networks.mean_generator
    with torch.inference_mode():
        before = start.generator(codes, start.generator.modulation(batch.labels))
        begun = mean(codes, mean.modulation(batch.labels))
    assert (begun - before).abs().mean() < 0.1 * before.std()  # spectral norm is estimated anew
    assert torch.equal(networks.mean_encoder.fc_mu.weight, start.encoder.fc_mu.weight)
    further = tmp_path / "further"
    train(further, "--data", str(scenes), "--from", str(whole / "checkpoint"), plan=PLAN)
    record = load_checkpoint(further / "checkpoint").record
    assert record is not None and record["from"] == start.fingerprint


def test_a_run_begins_with_a_checkpoint_of_its_classes_alone(scenes: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "people", random_checkpoint(deepfashion(16), taxonomy="deepfashion"))
    with pytest.raises(InputError, match=r"data has 12 classes \(landscape\), but the checkpoint has 8"):
        train(tmp_path / "run", "--data", str(scenes), "--from", str(tmp_path / "people"), plan=PLAN)


def test_recounted_norms_have_the_statistics_of_the_averaged_networks_pictures(scenes: Path) -> None:
    plan, config = Plan.from_json(PLAN), at_size(PRESETS["landscape"](), (64, 64))
    step = TrainingStep(new_networks(config, plan, CPU), plan, CPU, torch.float32)
    norm, seen = step.networks.mean_generator.norm("up_3.norm_0").param_free_norm, []
    norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    source = RenderedWorld(scenes, CPU)
    step.recount(source.batch(i, 2, (64, 64)) for i in range(3))
    pictures = torch.cat(seen)  # [9, 48, 64, 64]: two of each batch, and one of mixed codes
    assert len(pictures) == 9 and not norm.training
    assert norm.running_mean is not None and norm.running_var is not None
    assert torch.allclose(norm.running_mean, pictures.mean((0, 2, 3)), atol=1e-5)
    spread = torch.stack([batch.var((0, 2, 3)) for batch in seen]).mean(0)
    assert torch.allclose(norm.running_var, spread, rtol=1e-3)


def test_the_papers_plans_ask_for_vgg_by_name(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="VGG-19"):
        train(tmp_path / "run", "--data", str(scenes), plan={**PLAN, "perceptual": "vgg19"})


def test_labels_are_not_read_off_pictures_without_a_segmenter(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"labels loss a weight of 1, and there is no segmenter"):
        train(tmp_path / "run", "--data", str(scenes), "--vgg", "vgg19.pth", plan={**PLAN, "segmenter_images": 0})


def test_model_imports_where_only_torch_numpy_pillow_and_safetensors_are() -> None:
    code = """
import sys, pkgutil, importlib
for name in ("rich", "fastapi", "starlette", "uvicorn", "pydantic", "jinja2", "torchvision", "tqdm"):
    sys.modules[name] = None
import model
for module in pkgutil.walk_packages(model.__path__, "model."):
    if not module.name.endswith(("__main__", "fused")):  # the kernel for CUDA is what Triton is for
        importlib.import_module(module.name)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1], timeout=60)


def test_a_fresh_encoder_starts_with_white_codes_of_little_noise() -> None:
    torch.manual_seed(0)
    config = at_size(PRESETS["landscape"](), (64, 64))
    encoder = Encoder(config)
    world = LiveWorld(torch.device("cpu"), seed=5)
    batches = [world.batch(step, 8, (64, 64)) for step in range(8)]
    start_codes(encoder, ((batch.photos, batch.labels) for batch in batches), 0.2)
    with torch.no_grad():
        mu, logvar = encoder.encode(
            torch.cat([batch.photos for batch in batches]), torch.cat([batch.labels for batch in batches])
        )
    sky = semantics(torch.cat([batch.labels for batch in batches]), 12).amax((2, 3))[:, 0] > 0
    codes = mu[sky, :8, 0, 0]
    assert torch.allclose(codes.mean(0), torch.zeros(8), atol=1e-3)
    assert codes.T.cov().diagonal().clamp_min(0.5).allclose(torch.ones(8), atol=0.1)
    assert torch.allclose((0.5 * logvar).exp(), torch.tensor(0.2), atol=1e-4)


@pytest.mark.parametrize("device", ["tpu", "cuda:9"])
def test_a_device_that_is_not_here_is_refused_in_a_sentence(
    device: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(["train", str(tmp_path / "run"), "--device", device]) == 2
    said = capsys.readouterr().err
    assert f"device '{device}' is not here; allowed is auto" in said
    assert "Traceback" not in said and said.count("\n") == 1


def test_what_is_drawn_for_different_purposes_never_meets() -> None:
    """A hundred million steps of training reach no other purpose's batches, and purposes keep clear of each other."""
    numbers = sorted(FirstBatch)
    assert numbers[0] == 0 and all(later - earlier > 10**8 for earlier, later in pairwise(numbers))
    codes = {
        tuple(torch.randn(4, generator=streams.of_step(seed, number, CPU)).tolist())
        for seed in range(3)
        for number in range(20)
    }
    assert len(codes) == 60
    again = torch.randn(4, generator=streams.of_step(2, 19, CPU))
    assert tuple(again.tolist()) in codes
