"""Tables of recorded evaluations: what a search sees of a network, and what is reported of it."""
