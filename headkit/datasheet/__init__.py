"""The documents of a dataset, from what was measured while it was packed and from what its maker says.

counting.py counts samples as they come, logs.py what ledgers and run files of the tools before tell; measures.py gives each
count a name and the command that makes it again. about.py reads what only the maker knows. card.py (README.md), sheet.py
(DATASHEET.md), croissant.py, terms.py (LICENSES.md) and plots.py write; writing.py is what `pack` holds.
"""
