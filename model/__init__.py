"""GroupDNet: networks, label maps and styles, checkpoints, the engine, training, evaluation and the command line."""
