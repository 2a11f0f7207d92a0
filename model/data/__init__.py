"""What networks are trained on: photos with label maps on disk, prepared training sets, and the procedural world."""
