"""Networks to and from other libraries."""
