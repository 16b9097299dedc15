"""Diffusion models of diffusers: where their weights are, loading them offline and safely, and images in batches that are right."""
