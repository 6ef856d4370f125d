"""What a search prints at its end, and its page."""
