"""Rendering: pictures from a checkpoint, label maps and codes, as fast as this machine allows."""

from model.engine.engine import Engine

__all__ = ["Engine"]
