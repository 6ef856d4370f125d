"""Chains of convolutions with skips, the space of the first paper on architecture search."""
