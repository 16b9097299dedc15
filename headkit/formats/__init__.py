"""One file per output format of pack."""
