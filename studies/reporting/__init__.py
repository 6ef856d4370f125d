"""What reports share: colours, tables of text, pages, figure files."""
