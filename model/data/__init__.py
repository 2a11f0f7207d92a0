"""What networks are trained on: photos with label maps, training sets prepared from them, and a procedural world."""
