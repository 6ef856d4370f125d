"""``regnas train``: a network trained for use."""
