"""Taxonomies, label maps, styles and recipes: all that a picture is made from. Imports no PyTorch."""
