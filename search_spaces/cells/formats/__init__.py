"""Networks of cells as other programs keep them."""
