"""Twins among vectors: every pair of rows whose cosine reaches a threshold, exactly, at a million rows.

    cosines     what the cosine of two stored vectors is, to the last bit; how far float32 can be off
    products    tiles of products in float32: numpy, or torch on a GPU
    pruning     fewer columns that prove most pairs to be no twins
    grid        blocks of rows, and the tiles that they make
    ledger      what was compared, on disk: the proof, and the place to go on
    search      all pairs of one set
    approximate nearly all pairs, by an index of faiss, and how nearly
    nearest     each row's nearest, in the set or in another one
    choice      who stays

It knows arrays, not records.
"""
