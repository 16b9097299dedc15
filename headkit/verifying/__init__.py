"""Reading a packed dataset again: what is checked, and what a finding is.

checksums     every file against SHA256SUMS      contents    every sample of every format
labels        one label by itself                agreement   formats and shards against each other
reprojection  parameters on their landmarks      parts       no twin on two sides of a split
documents     the index, the card, open marks    versions    a version against the one before
privacy       what must not be published         nearness    the largest cosine of two images
remembered    samples against the private file   mending     what pack --only shall make anew
passing       the one pass that calls them all   findings    what is found, and what helps
"""
