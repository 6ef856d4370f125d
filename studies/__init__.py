"""Studies: what combines spaces, strategies and evaluators."""
