"""Records that are alike: what dedupe compares of them, who stays, and a page that helps to choose a threshold.

rows         what is wrong with a record, and how records are preferred
files        the bytes of image files
exact        bytes and poses: compared one by one with those that stay
embedders    what turns pictures and prompts into vectors
embedding    the vectors of all records, on disk
vectors      pictures and prompts: twins by the cosine of their vectors
calibration  what the page of --calibrate is made of
page         thresholds on one page of HTML
"""
