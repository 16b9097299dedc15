"""What a diffusion model is run with: complete, named settings, and how a command line changes them. Plain data."""
