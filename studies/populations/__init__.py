"""Populations: where they come from, how they are kept, and what is known of their networks."""
