"""``regnas find``: from a folder of pictures to a network that is used, in one command."""
