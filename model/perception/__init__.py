"""How pictures are seen: pretrained networks, distances between pictures, and the label map in a photo."""
