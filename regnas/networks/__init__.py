"""Torch modules of the architectures that ship with regnas."""
