"""NNI's algorithms as strategies."""
