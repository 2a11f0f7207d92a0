"""GroupDNet: the network and everything that needs torch."""
