"""The only door for weights: ours (safetensors) and the authors' released files."""

from model.checkpoint.checkpoint import Checkpoint, convert, load_checkpoint, save_checkpoint
from model.checkpoint.doctor import describe, inspect

__all__ = ["Checkpoint", "convert", "describe", "inspect", "load_checkpoint", "save_checkpoint"]
