"""Checkpoints: reading, writing and describing them. Weights enter the project here and nowhere else."""

from model.checkpoint.checkpoint import Checkpoint, convert, load_checkpoint, save_checkpoint
from model.checkpoint.doctor import describe, inspect

__all__ = ["Checkpoint", "convert", "describe", "inspect", "load_checkpoint", "save_checkpoint"]
