"""``regnas scale``: a network made larger or smaller by the published rules."""
