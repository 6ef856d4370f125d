"""Networks of two cells as TensorFlow-slim stacks them: the published NASNets, PNASNets and AmoebaNets."""
