"""NAS-Bench-201: its networks, its space and its table."""
