"""The networks: their configurations, generator, encoder, discriminator, and the cost of a picture."""
