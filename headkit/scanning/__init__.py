"""JSON Lines at the speed of memory: lines are checked as strictly as jsonl.parse does, and parsed only where asked.

A scanner in machine code goes over a block of lines once. Of every line it says whether it is certainly a record that
jsonl.parse would take; a line that it is not sure of is left to that. Of the others it copies the parts that a
Selection names, so that orjson parses these alone.
"""
