"""Who owns the models: the registry of checkpoints, the line in front of the model's thread, and work on it."""
