"""generate with a diffusion model: from records to orders, chunks, checked images and rows that say how they were made."""
