"""The RegNet line of a given network: exactly, or the nearest."""
