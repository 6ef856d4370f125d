"""The measure ``latency``: how long a network takes for one batch on this machine."""
