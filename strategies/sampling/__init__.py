"""What keeps samplers inside a window, and what samplers share."""
