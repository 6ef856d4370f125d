"""What a comparison prints and leaves: tables, pages, files."""
