"""Search spaces: AnyNetX_A to _E, RegNetX, RegNetY and what derives from them."""
