"""How pictures are seen: segmenters, features, colour."""
