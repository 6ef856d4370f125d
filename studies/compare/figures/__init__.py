"""The figures of a comparison: one function each, from the numbers of `regnas.studies.compare.analysis`."""
