"""``regnas audit``: how well scores order the networks of a population by their trained errors."""
