"""Mobile networks as other programs keep them."""
