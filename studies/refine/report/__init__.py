"""What a session leaves: numbers, tables, figures and a page."""
