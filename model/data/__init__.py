"""Training data: photos with label maps, training sets prepared from them, and a procedural world."""
