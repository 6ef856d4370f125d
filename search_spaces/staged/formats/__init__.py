"""Staged networks and their weights as other libraries write them: pycls, timm, torchvision."""
