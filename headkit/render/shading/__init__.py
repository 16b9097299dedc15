"""What surfaces look like: materials, light, shadow, places behind people, the film."""
