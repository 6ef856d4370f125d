"""Networks of layers with skips, as ENAS searches them as a whole."""
