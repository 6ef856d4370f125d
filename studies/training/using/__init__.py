"""Trained networks on pictures: tested, and asked what they see."""
