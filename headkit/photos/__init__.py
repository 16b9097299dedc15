"""Photos that people bring: what an operand is, the pictures in a folder, the samples in a tar, and their ids.

folders   the image files below a folder, in an order that does not change
archives  the members of a tar, read as they come; the samples of a WebDataset
reading   a photo once more, by what a record says of its place
identity  the key from which ids of photos follow
"""
