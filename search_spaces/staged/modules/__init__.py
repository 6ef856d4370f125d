"""What staged networks are as torch modules, and the module that holds all networks of a space."""
