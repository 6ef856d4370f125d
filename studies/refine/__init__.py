"""``regnas refine``: a space is restricted step by step, each step tested on networks that did not propose it."""
