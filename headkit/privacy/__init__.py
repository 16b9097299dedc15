"""What tells of real people or machines in what is published: names, addresses, paths, keys."""
