"""Networks that repeat a cell."""
