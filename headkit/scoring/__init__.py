"""Scores of a record: numbers that say how good an image and its labels are, and never decide.

One file a score, found by its name in table.py. A score declares itself as a score.Score; scorer.py runs those asked
for over batches of records, and what several need (a picture's pixels, the heads a network finds in it) is made once.
"""

from headkit.scoring.options import ScoreOptions
from headkit.scoring.scorer import before, check, reads, start

__all__ = ["ScoreOptions", "before", "check", "reads", "start"]
