"""Commands that compare: spaces, strategies, scores."""
