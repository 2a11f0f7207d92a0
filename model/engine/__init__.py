"""Pictures from a checkpoint, fast."""

from model.engine.engine import Engine

__all__ = ["Engine"]
