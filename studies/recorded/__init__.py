"""Recorded populations, one compressed CSV each: ``recorded:DATA/SPACE`` reads them."""
