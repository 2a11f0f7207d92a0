"""Networks and measures that look at pictures: segmenters, pretrained networks, distances of pictures, colours."""
