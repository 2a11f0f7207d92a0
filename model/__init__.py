"""GroupDNet: networks, checkpoints, training, evaluation and the engine that renders."""

from model import threads

threads.choose()  # before any part of the package imports PyTorch
