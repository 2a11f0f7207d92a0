"""The pretrained networks through which an evaluation compares photos, as far as their files are there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.errors import InputError
from model.perception.efficientnet import EfficientNetLite0, load_efficientnet, scene_features
from model.perception.lpips import Lpips, load_lpips


@dataclass(frozen=True)
class Eyes:
    """LPIPS over AlexNet, and EfficientNet-Lite0; one that is None has a sentence that says why."""

    lpips: Lpips | None
    scene: EfficientNetLite0 | None
    no_lpips: str | None = None
    no_scene: str | None = None

    @torch.inference_mode()
    def apart(self, photo: np.ndarray, picture: np.ndarray, known: np.ndarray | None, device: torch.device) -> float:
        """LPIPS between two pictures uint8 [H, W, 3].

        Pixels that are not ``known`` (bool [H, W]; None: all are) are mid-grey in both, and the distance is divided by
        the share of the others; NaN where no pixel is known, or without LPIPS.
        """
        share = 1.0 if known is None else float(known.mean())
        if self.lpips is None or share == 0:
            return float("nan")
        pair = as_input(np.stack([photo, picture]), device)
        if known is not None:
            pair = pair * torch.from_numpy(known).to(device)
        return float(self.lpips(pair[:1], pair[1:])) / share

    @torch.inference_mode()
    def scenes(self, pictures: np.ndarray, device: torch.device) -> np.ndarray | None:
        """The mean of EfficientNet's block 10 over each of the pictures uint8 [N, H, W, 3]: float32 [N, 112]."""
        if self.scene is None:
            return None
        return scene_features(self.scene, as_input(pictures, device)).cpu().numpy()


def as_input(pictures: np.ndarray, device: torch.device) -> Tensor:
    """Pictures uint8 [N, H, W, 3] as float32 [N, 3, H, W] in [−1, 1] on that device."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2) / 127.5 - 1


def open_eyes(device: torch.device) -> Eyes:
    """The networks whose files are there. Raises InputError where a file is there and damaged."""
    lpips, scene, why = None, None, dict[str, str]()
    try:
        lpips = load_lpips("alex").to(device)
    except InputError as error:
        why["lpips"] = _absence(error)
    try:
        scene = load_efficientnet().to(device)
    except InputError as error:
        why["scene"] = _absence(error)
    return Eyes(lpips, scene, why.get("lpips"), why.get("scene"))


def _absence(error: InputError) -> str:
    """What the error of a missing file says. Raises the error where the file is damaged."""
    if error.code == "bad_checkpoint":
        raise error
    return str(error).rstrip(".")
