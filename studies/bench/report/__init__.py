"""What a benchmark prints and leaves: tables, pages, files."""
