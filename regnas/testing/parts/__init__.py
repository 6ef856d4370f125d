"""Parts of the rules of architectures: what only some of them can do."""
