"""``regnas bench``: search algorithms compared on tables, on simulated clusters and in real training."""
