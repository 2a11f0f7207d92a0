"""GroupDNet Studio over HTTP; everything that computes is in ``model``."""
