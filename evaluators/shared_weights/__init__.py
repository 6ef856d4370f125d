"""What is trained once for all candidates, and how they are scored with it."""
