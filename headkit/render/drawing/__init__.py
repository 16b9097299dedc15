"""From surfaces to samples, pixels and labels: the rasteriser, and what is measured on it."""
