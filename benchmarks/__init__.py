"""What regnas costs and gains against its peers, measured in one process tree: ``python -m benchmarks``."""
