"""Outside optimisers, a file each; they run where only the optimiser is installed."""
