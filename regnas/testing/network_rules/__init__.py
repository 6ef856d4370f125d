"""Rules of architectures by theme: how they print and draw, how they are made larger and smaller."""
