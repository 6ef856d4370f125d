"""Many networks of cells at once: decoded in arrays, and proposed where a window can be met."""
