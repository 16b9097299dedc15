"""Captions: scenes drawn from poses, facts of rendered heads, words made elsewhere."""
