"""What a recipe may ask for beside the usual training: augmentation, sampling, and weights to start from."""
