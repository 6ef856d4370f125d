"""How a GPU is filled: recorded steps, and several trainings at a time."""
