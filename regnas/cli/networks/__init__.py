"""Commands on networks: drawn, described, and to and from other programs."""
