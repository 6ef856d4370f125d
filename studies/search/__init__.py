"""``regnas search``: from what was asked to a winner."""
