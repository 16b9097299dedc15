"""Prompt editing: what happens to a caption between the captioner and the image generator.

    edited = edit("Emily smiling in a field", poses, EditOptions(), seed=0, id="a")

Each rule is a function of its own, draws from (seed, id, rule), and logs what it did as rule, kind and
position; never the words that it took out.
"""

from headkit.editing.edit import Edited, EditOptions, check_options, edit

__all__ = ["EditOptions", "Edited", "check_options", "edit"]
