"""What a picture is made from: taxonomies, label maps, styles and recipes. Imports no PyTorch."""
