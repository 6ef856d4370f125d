"""Networks as other libraries write them: pycls, timm, torchvision."""
