"""Models that predict errors: what they know of a network, and what they learn with."""
