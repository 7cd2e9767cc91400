"""Loads a TorchScript file with PyTorch, and prints how far its logits are from those given.

    python torchscript.py MODEL PIXELS LOGITS COUNT CHANNELS HEIGHT WIDTH

PIXELS and LOGITS hold 32-bit floats, little-endian, in row-major order.
"""
import sys
from pathlib import Path

import torch

model, pixels, logits = sys.argv[1:4]
count, *shape = map(int, sys.argv[4:])
read = lambda path: torch.frombuffer(bytearray(Path(path).read_bytes()), dtype=torch.float32).view(count, -1)
with torch.no_grad():
    found = torch.jit.load(model)(read(pixels).view(count, *shape))
print(float((found - read(logits)).abs().max()))
