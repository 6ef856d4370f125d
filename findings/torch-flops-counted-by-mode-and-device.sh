#!/usr/bin/env bash
# torch 2.13.0 and 2.14.1, torch.utils.flop_counter.FlopCounterMode on a CPU: layers of sequences and attention.
#
# Guess: the count is the layer's arithmetic: the same with gradients or without, on the CPU or on the meta device.
# Seen: nn.GRU is right and nn.LSTM is 0, for one fused CPU operator has no formula. nn.MultiheadAttention is right with
# gradients and 0 without them in eval mode, where a fused path computes the same; so is a whole
# nn.TransformerEncoderLayer, whose eval mode with gradients lacks the attention alone. scaled_dot_product_attention is
# 0 (that one reported as torch issue 195460). Nothing warns: what is unknown counts as free. On the meta device, which
# has no fused paths, all are right.
# For a user of NAS: flops of a space with recurrent cells or attention have to be counted on the meta device. Counted as
# one evaluates, on the CPU in eval mode, an LSTM beside a GRU and attention beside a convolution cost nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile torch==2.13.0
cd "$work"
cat > flops.py <<'P'
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

STEPS, WIDTH = 10, 8


class Attend(nn.Module):
    def forward(self, x):
        heads = x.unflatten(-1, (2, -1)).transpose(1, 2)
        return nn.functional.scaled_dot_product_attention(heads, heads, heads)


class AttendAll(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]


projections, products = 4 * STEPS * WIDTH * WIDTH, 2 * STEPS * STEPS * WIDTH
cases = {  # a layer, and its multiply-adds
    "GRU": (lambda: nn.GRU(WIDTH, 16, batch_first=True), STEPS * 3 * 16 * (WIDTH + 16)),
    "LSTM": (lambda: nn.LSTM(WIDTH, 16, batch_first=True), STEPS * 4 * 16 * (WIDTH + 16)),
    "scaled_dot_product_attention": (Attend, products),
    "MultiheadAttention": (AttendAll, projections + products),
    "TransformerEncoderLayer": (
        lambda: nn.TransformerEncoderLayer(WIDTH, 2, 16, batch_first=True),
        projections + products + 2 * STEPS * WIDTH * 16,
    ),
}
for name, (make, multiply_adds) in cases.items():
    shares = []
    for device in ("cpu", "meta"):
        for training, gradients in ((True, True), (False, True), (False, False)):
            with torch.device(device):
                layer, x = make().train(training), torch.zeros(1, STEPS, WIDTH)
            with torch.set_grad_enabled(gradients), FlopCounterMode(display=False) as counter:
                layer(x)
            shares.append(f"{counter.get_total_flops() / (2 * multiply_adds):.2f}")
    print(f"{name}: cpu", *shares[:3], "meta", *shares[3:])
P
"$work/venv/bin/python" -W ignore flops.py > seen 2> log || { cat log; exit 1; }
cat seen
diff - seen <<'O'
GRU: cpu 1.00 1.00 1.00 meta 1.00 1.00 1.00
LSTM: cpu 0.00 0.00 0.00 meta 1.00 1.00 1.00
scaled_dot_product_attention: cpu 0.00 0.00 0.00 meta 1.00 1.00 1.00
MultiheadAttention: cpu 1.00 1.00 0.00 meta 1.00 1.00 1.00
TransformerEncoderLayer: cpu 1.00 0.76 0.00 meta 1.00 1.00 1.00
O
