"""What `filter` decides by, beside the language of its expressions: presets, single heads, scores, labelled samples."""
