"""A network of timm with its weights as the same network here.

python docs/examples/from_timm.py regnety_004
"""

from __future__ import annotations

import sys

import timm
import torch

from regnas.search_spaces.staged.formats.timm import network
from regnas.search_spaces.staged.formats.timm_weights import state_dict_from_timm

name = sys.argv[1] if len(sys.argv) > 1 else "regnety_004"
architecture = network(name)
ours = architecture.build().eval()
theirs = timm.create_model(name).eval()  # pretrained=True for timm's weights
ours.load_state_dict(state_dict_from_timm(theirs.state_dict(), ours.state_dict()))
images = torch.randn(2, 3, 64, 64)
with torch.no_grad():
    difference = (ours(images) - theirs(images)).abs().max().item()
print(f"{name}: {architecture.complexity(224).params:,} parameters, outputs differ by {difference:.1e} at most")
