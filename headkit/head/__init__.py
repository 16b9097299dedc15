"""The 3D head: model, rotation, camera. Knows arrays, not records or files."""
