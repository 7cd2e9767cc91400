"""Runs networks that were exported as PyTorch source, and prints how far their logits are from those given, a line per network.

    python source.py FOLDER...

A FOLDER holds network.py, network.safetensors, and images.safetensors with `pixels` and `logits`. Everything that a network must
refuse is tried, too.
"""
import importlib.util
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

for folder in map(Path, sys.argv[1:]):
    spec = importlib.util.spec_from_file_location(folder.name, folder / "network.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    images = load_file(folder / "images.safetensors")
    network = module.load()
    with torch.no_grad():
        apart = (network(images["pixels"]) - images["logits"]).abs().max()
        # Any batch will do.
        apart = max(apart, (network(images["pixels"][3:4]) - images["logits"][3:4]).abs().max())
    # It learns.
    network.train()(images["pixels"][:4]).sum().backward()
    assert all(p.grad is not None for p in network.head.parameters())
    # A tensor is missing, or too many.
    tensors = load_file(folder / "network.safetensors")
    other = folder / "other.safetensors"
    for change in (lambda t: t.pop(next(iter(t))), lambda t: t.update({"cells.0.edges.0.more.1.weight": torch.zeros(1)})):
        changed = dict(tensors)
        change(changed)
        save_file(changed, other)
        try:
            module.load(other)
        except (RuntimeError, ValueError) as error:
            assert "issing key" in str(error) or "is of another network" in str(error), error
        else:
            raise SystemExit(f"{folder}: another network's file was loaded")
    print(float(apart))
