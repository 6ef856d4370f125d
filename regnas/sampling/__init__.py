"""Candidates: the stream of a space inside its window, what it proposes, and moves from one network to the next."""
