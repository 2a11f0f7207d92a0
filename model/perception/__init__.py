"""How pictures are seen: pretrained networks, segmenters, distances between pictures, colour."""
