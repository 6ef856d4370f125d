"""Looking at spaces: what is installed, what a point is, what a window leaves."""
