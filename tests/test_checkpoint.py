"""The only door for weights: what goes in comes out, what does not fit is named, and nothing is ever run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from archives import manifest, released_state, write_archive
from safetensors import safe_open
from safetensors.torch import load_file
from small_checkpoints import fresh, refused, rewrite, tiny
from torch import Tensor, nn

from model.checkpoint import Checkpoint, convert, describe, inspect, load_checkpoint, save_checkpoint
from model.checkpoint.manifest import released_manifest
from model.checkpoint.released import fold_spectral_norm, infer_config
from model.errors import InputError
from model.network import presets
from model.network.groupdnet import Generator
from model.network.presets import PRESETS, deepfashion, landscape
from model.recipe.taxonomy import TAXONOMIES, numbered_taxonomy
from model.recipe.terms import Terms


def assert_same_networks(a: Checkpoint, b: Checkpoint, exact: bool = True) -> None:
    assert a.config == b.config and a.taxonomy == b.taxonomy
    for mine, other in ((a.generator, b.generator), (a.encoder, b.encoder)):
        assert (mine is None) == (other is None)
        if mine is not None and other is not None:
            state, expected = mine.state_dict(), other.state_dict()
            assert state.keys() == expected.keys()
            rtol, atol = (0.0, 0.0) if exact else (1e-3, 1e-7)
            for key, tensor in state.items():
                torch.testing.assert_close(tensor, expected[key], rtol=rtol, atol=atol)


# Ours


def test_a_checkpoint_of_ours_comes_back_as_it_was(tmp_path: Path) -> None:
    before = fresh(title="A name", record={"steps": 12, "losses": [1.5, 0.5]})
    after = save_checkpoint(tmp_path / "new" / "folder", before, half=False)
    assert_same_networks(after, before)
    assert (after.title, after.record, after.fingerprint) == (before.title, before.record, before.fingerprint)
    assert after.folder == tmp_path / "new" / "folder"
    networks: list[nn.Module] = [after.generator, after.encoder or nn.Module()]
    for network in networks:
        assert not network.training
        assert all(p.dtype == torch.float32 and p.device.type == "cpu" for p in network.parameters())


def test_a_checkpoint_keeps_the_terms_of_its_weights_wherever_it_goes(tmp_path: Path) -> None:
    terms = Terms("CC BY 4.0", "stripes")
    before = fresh(terms=terms)
    once = save_checkpoint(tmp_path / "once", before, half=False)
    assert once.terms == convert(tmp_path / "once", tmp_path / "again").terms == terms
    silent = save_checkpoint(tmp_path / "silent", fresh(), half=False)
    assert silent.terms == Terms() and silent.fingerprint == once.fingerprint == before.fingerprint
    with safe_open(tmp_path / "silent" / "generator.safetensors", framework="pt") as file:
        assert not file.metadata().keys() & {"licence", "source"}


def test_half_precision_rounds_the_weights_once_and_for_all(tmp_path: Path) -> None:
    before = fresh()
    with torch.no_grad():
        before.generator.get_parameter("conv_img.weight")[0, 0, 0, 0] = 70_000  # beyond float16
    once = save_checkpoint(tmp_path / "once", before)
    twice = save_checkpoint(tmp_path / "twice", once)
    assert_same_networks(once, before, exact=False)
    assert_same_networks(twice, once)
    assert twice.fingerprint == once.fingerprint != before.fingerprint
    stored = load_file(tmp_path / "once" / "generator.safetensors")
    assert stored["fc.weight"].dtype == torch.float16
    assert stored["conv_img.weight"].dtype == torch.float32
    assert stored["head_0.norm_0.param_free_norm.running_var"].dtype == torch.float32


def test_each_file_is_complete_in_itself(ours: Path) -> None:
    for part in ("generator", "encoder"):
        with safe_open(ours / f"{part}.safetensors", framework="pt") as file:
            metadata = file.metadata()
        assert (metadata["part"], metadata["title"]) == (part, "Tiny")
        assert json.loads(metadata["taxonomy"])["name"] == "landscape"
        assert json.loads(metadata["config"])["classes"] == 12
    whole = load_checkpoint(ours / "generator.safetensors")
    assert whole.encoder is not None
    (ours / "encoder.safetensors").unlink()
    alone = load_checkpoint(ours / "generator.safetensors")
    assert alone.encoder is None and alone.fingerprint == whole.fingerprint


def test_the_fingerprint_is_of_what_decides_a_picture() -> None:
    one, same = fresh(), fresh(encoder=False, title="Other", record={})
    assert one.fingerprint == same.fingerprint and len(one.fingerprint) == 64
    with torch.no_grad():
        same.generator.get_parameter("fc.bias")[0] += 1e-3
    changed = Checkpoint(same.config, same.taxonomy, same.generator)
    other_codes = fresh(replace(one.config, shared_codes=False))
    assert len({one.fingerprint, changed.fingerprint, other_codes.fingerprint}) == 3


def test_saving_again_leaves_nothing_of_the_old_checkpoint(ours: Path) -> None:
    save_checkpoint(ours, fresh(record={"steps": 1}))
    assert load_checkpoint(ours).record == {"steps": 1}
    save_checkpoint(ours, fresh(encoder=False))
    assert sorted(path.name for path in ours.iterdir()) == ["generator.safetensors"]


def test_a_write_that_fails_leaves_the_old_checkpoint(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in ours.iterdir()}

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(ours, fresh(encoder=False, record={"steps": 1}))
    assert {path.name: path.read_bytes() for path in ours.iterdir()} == before


def test_the_landscape_preset_fits_its_files(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, fresh(landscape()))
    assert all(path.stat().st_size < 16 * 2**20 for path in tmp_path.iterdir())


def test_taxonomy_and_network_have_the_same_classes() -> None:
    with pytest.raises(InputError, match=r"landscape has 12 classes.*network has 8"):
        Checkpoint(deepfashion(16), TAXONOMIES["landscape"], Generator(deepfashion(16)))


# Released


def test_a_released_archive_needs_no_flags_and_no_name(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(write_archive(tmp_path / "cityscapes"))
    assert checkpoint.config == deepfashion(16)
    assert checkpoint.taxonomy is TAXONOMIES["deepfashion"]
    assert checkpoint.encoder is not None
    assert checkpoint.title == "DeepFashion"
    assert checkpoint.format == "released .pth"
    assert not checkpoint.generator.training and not checkpoint.encoder.training


def test_conversion_keeps_every_number(whole_archive: Path, tmp_path: Path) -> None:
    converted = convert(whole_archive, tmp_path / "converted")
    assert_same_networks(converted, load_checkpoint(whole_archive))
    assert converted.fingerprint == load_checkpoint(whole_archive).fingerprint
    assert load_checkpoint(tmp_path / "converted").format == "safetensors"


def test_conversion_beside_the_released_file_takes_its_place(archive: Path) -> None:
    convert(archive, archive)
    assert load_checkpoint(archive).format == "safetensors"


def test_conversion_keeps_instance_edges_and_unused_rows(tmp_path: Path) -> None:
    cityscapes = convert(write_archive(tmp_path / "cityscapes", "cityscapes_ngf70", encoder=False), tmp_path / "ours")
    assert cityscapes.config == presets.cityscapes(70) and cityscapes.config.instance_edges
    ade20k = load_checkpoint(write_archive(tmp_path / "ade20k", "ade20k_ngf16", encoder=False))
    assert ade20k.config == presets.ade20k(16) and ade20k.config.unused
    assert "up_4       in the released file, never run" in describe(ade20k).to_text()


def test_spectral_norm_is_folded() -> None:
    state = released_state("deepfashion_ngf16")
    key = "up_0.conv_1.weight"
    matrix = state[f"{key}_orig"].flatten(1).double()
    sigma = state[f"{key}_u"].double() @ matrix @ state[f"{key}_v"].double()
    folded = fold_spectral_norm(state, {key: list(state[f"{key}_orig"].shape)})[key]
    torch.testing.assert_close(folded.flatten(1).double(), matrix / sigma, rtol=1e-6, atol=0)
    assert torch.linalg.matrix_norm(folded.flatten(1), 2) == pytest.approx(1, abs=0.02)  # u and v are not quite there


def test_the_generator_alone_does(archive: Path) -> None:
    assert load_checkpoint(archive).encoder is None


def test_a_pth_itself_with_the_encoder_beside_it(whole_archive: Path) -> None:
    for part in "GE":
        (whole_archive / f"latest_net_{part}.pth").rename(whole_archive / f"80_net_{part}.pth")
    assert load_checkpoint(whole_archive / "80_net_G.pth").encoder is not None
    shutil.move(whole_archive / "80_net_G.pth", whole_archive / "anything.pth")
    assert load_checkpoint(whole_archive / "anything.pth").encoder is None


def test_prefixes_of_data_parallel_are_taken_off(archive: Path) -> None:
    expected = load_checkpoint(archive)
    rewrite(archive, lambda state: {f"module.{key}": tensor for key, tensor in state.items()})
    assert_same_networks(load_checkpoint(archive), expected)


def test_the_file_format_of_old_torch_is_read(archive: Path) -> None:
    expected = load_checkpoint(archive)
    rewrite(archive, lambda state: None, _use_new_zipfile_serialization=False)
    assert_same_networks(load_checkpoint(archive), expected)


@pytest.mark.parametrize("preset", ["deepfashion", "cityscapes", "ade20k"])
def test_the_official_shapes_give_the_official_configuration(preset: str) -> None:
    shapes = manifest("official")[preset]
    assert infer_config(shapes["generator"], shapes["encoder"]) == PRESETS[preset]()
    assert infer_config(shapes["generator"]) == PRESETS[preset]()


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("classes", [2, 3, 6, 12, 20])
def test_any_configuration_is_told_by_its_shapes(classes: int, edges: bool) -> None:
    config = tiny(classes, edges)
    shapes = released_manifest(config)
    assert infer_config(shapes["generator"], shapes["encoder"]) == config


def test_an_unknown_number_of_classes_gets_numbered_classes(tmp_path: Path) -> None:
    config = tiny(20)
    state = {key: torch.ones(shape) for key, shape in released_manifest(config)["generator"].items()}
    torch.save(state, tmp_path / "latest_net_G.pth")
    taxonomy = load_checkpoint(tmp_path).taxonomy
    assert taxonomy.names[:2] == ("class 0", "class 1") and len(taxonomy) == 20


@pytest.mark.parametrize("classes", [1, 2, 54, 255])
def test_numbered_classes_have_colours_of_their_own(classes: int) -> None:
    assert len(set(numbered_taxonomy(classes).display)) == classes


# What does not fit is named


def test_every_fault_is_named_and_nothing_else(archive: Path) -> None:
    def change(state: dict[str, Tensor]) -> None:
        del state["fc.bias"], state["head_0.conv_1.weight_orig"]
        state["up_1.conv_0.bias"] = torch.zeros(7)
        state["fc.scale"] = torch.zeros(3)

    rewrite(archive, change)
    error = refused(archive)
    assert error.details["problems"] == [
        "fc.bias [256] is missing",
        "head_0.conv_1.weight_orig [256, 32, 3, 3] is missing",
        "up_1.conv_0.bias has the shape [7], expected [64]",
        "fc.scale [3] is unexpected",
    ]
    assert str(error).startswith("latest_net_G.pth does not fit: fc.bias [256] is missing; ")
    assert str(error).endswith("; and 1 more.")
    report = inspect(archive)
    assert report.to_json()["preset"] == "deepfashion"
    assert "ngf 16" in report.to_text()


def test_one_missing_key_is_the_one_problem_whichever_it_is() -> None:
    shapes = manifest("deepfashion_ngf16")["generator"]
    expected = deepfashion(16)
    for key in shapes:
        assert infer_config({k: s for k, s in shapes.items() if k != key}) == expected, key
        assert infer_config(shapes | {key: [999, *shapes[key][1:]] if shapes[key] else [999]}) == expected, key


def test_twenty_faults_are_listed_and_all_are_counted(archive: Path) -> None:
    rewrite(archive, lambda state: {key: state[key] for key in state if "norm_1.mlp_gamma" not in key})
    error = refused(archive)
    assert len(error.details["problems"]) == error.details["count"] == 14
    rewrite(archive, lambda state: {key: state[key] for key in state if ".param_free_norm" not in key})
    error = refused(archive)
    assert len(error.details["problems"]) == 20
    assert error.details["count"] == 54
    assert "… and 34 more" in inspect(archive).to_text()


def test_a_generator_of_another_kind_is_told_apart(archive: Path) -> None:
    rewrite(archive, lambda state: {key: state[key] for key in state if not key.startswith("up_2")})
    error = refused(archive)
    assert error.details["problems"][0] == "up_2.conv_0.weight_orig is missing"
    torch.save(released_state("deepfashion_ngf16", "encoder"), archive / "latest_net_G.pth")
    assert "This is an encoder; allowed is a generator's file" in str(refused(archive))
    torch.save({"conv.weight": torch.zeros(3, 3)}, archive / "latest_net_G.pth")
    assert "no GroupDNet generator: fc.weight is missing; fc.bias is missing; " in str(refused(archive))


def test_an_encoder_that_does_not_fit_is_refused(archive: Path) -> None:
    rewrite(archive, lambda state: {key: state[key] for key in state if key != "fc_mu.bias"}, part="E")
    assert str(refused(archive)) == "latest_net_E.pth does not fit: fc_mu.bias [64] is missing."


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(archive: Path, value: float) -> None:
    def change(state: dict[str, Tensor]) -> None:
        state["conv_img.weight"] = state["conv_img.weight"].clone()
        state["conv_img.weight"][0, :2] = value

    rewrite(archive, change)
    assert "conv_img.weight holds NaN or infinity 18 times" in str(refused(archive))


def test_whole_numbers_for_weights_are_refused(archive: Path) -> None:
    rewrite(archive, lambda state: state.update({"fc.bias": torch.zeros(256, dtype=torch.int64)}))
    assert "fc.bias holds int64 numbers, expected floating point" in str(refused(archive))


def test_a_variance_below_zero_and_a_norm_of_zero_are_refused(archive: Path) -> None:
    rewrite(archive, lambda state: state.update({"up_3.norm_0.param_free_norm.running_var": -torch.ones(32)}))
    assert "up_3.norm_0.param_free_norm.running_var holds a variance below 0" in str(refused(archive))
    rewrite(archive, lambda state: state.update({"up_3.conv_0.weight_u": torch.zeros(16)}))
    assert "up_3.conv_0.weight_orig has the spectral norm 0" in str(refused(archive))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds a list; allowed is a table of named tensors"),
        ({}, "holds a dict; allowed is a table of named tensors"),
        ({"fc.weight": 3}, "holds 'fc.weight' of the type int; allowed is a name and its tensor"),
        ({7: torch.zeros(2)}, "holds 7 of the type Tensor; allowed is a name and its tensor"),
        ({"fc.weight": torch.zeros(2, dtype=torch.complex64)}, "fc.weight is no ordinary tensor of numbers"),
        ({"fc.weight": torch.zeros(1).expand(10**9)}, "more than 500,000,000 numbers"),
    ],
)
def test_a_pth_of_something_else_is_refused(archive: Path, content: Any, message: str) -> None:
    torch.save(content, archive / "latest_net_G.pth")
    assert message in str(refused(archive))
