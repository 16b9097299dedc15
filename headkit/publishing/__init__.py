"""What leaves the house: what is published and what stays private, marks, vectors, and releases after the first."""
