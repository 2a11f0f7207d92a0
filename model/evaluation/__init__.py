"""Measuring how good a model's pictures are, and how fast it makes them."""
