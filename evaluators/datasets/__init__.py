"""Data sets: images in memory, with the regime in which candidates are compared on them."""
