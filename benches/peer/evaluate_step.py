#!/usr/bin/env python3
"""The yardstick: one training iteration of a derived DARTS network in eager PyTorch.

It does the arithmetic that a user gets from a plain PyTorch implementation of the network that
DARTS trains from scratch on CIFAR (`cnn/model.py` and `cnn/train.py` in quark0/darts): forward
through the network and its second classifier, the loss of the one and 0.4 times that of the
other, backward, clip to 5, SGD with momentum and weight decay. Drop-path zeroes each example's
output of an operation with a probability that rises from 0 to 0.2 over 600 epochs, of which
every iteration here is one: how probable it is does not change the arithmetic.

Usage: evaluate_step.py --genotype FILE --cells 20 --channels 36 --batch 32 [--channels-last]
FILE holds a genotype as `cnn/genotypes.py` of quark0/darts has it: NAME = Genotype(normal=[('sep_conv_3x3', 0), ...], ...).
Needs: pip install torch==2.13.0 numpy. Prints one JSON line; times in seconds, memory in MiB,
`parameters` of the network and of its second classifier.
"""
from collections import namedtuple
import torch
from torch import nn
from torch.nn import functional as F
from yardstick import Bench, HalvingSkip, candidate, options, pointwise

Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")
AUXILIARY, DROP_PATH, EPOCHS = 0.4, 0.2, 600


def drop_path(x, probability):
    kept = 1.0 - probability
    mask = torch.empty(x.size(0), 1, 1, 1, device=x.device).bernoulli_(kept)
    return x.div_(kept).mul_(mask)


class Cell(nn.Module):
    def __init__(self, edges, concat, cpp, cp, c, reduction, after_reduction):
        super().__init__()
        self.pre0 = HalvingSkip(cpp, c, affine=True) if after_reduction else pointwise(cpp, c, affine=True)
        self.pre1 = pointwise(cp, c, affine=True)
        self.sources, self.concat = [source for _, source in edges], list(concat)
        self.ops = nn.ModuleList(candidate(name, c, 2 if reduction and source < 2 else 1, final=True)
                                 for name, source in edges)

    def forward(self, s0, s1, drop):
        states = [self.pre0(s0), self.pre1(s1)]
        for first in range(0, len(self.ops), 2):
            outputs = []
            for edge in (first, first + 1):
                op, h = self.ops[edge], states[self.sources[edge]]
                h = op(h)
                # An input that is handed on as it is is kept.
                outputs.append(drop_path(h, drop) if drop > 0 and not isinstance(op, nn.Identity) else h)
            states.append(outputs[0] + outputs[1])
        return torch.cat([states[i] for i in self.concat], 1)


def auxiliary_head(c, classes):
    """The second classifier, for maps of 8x8."""
    return nn.Sequential(
        nn.ReLU(inplace=True), nn.AvgPool2d(5, stride=3, count_include_pad=False),
        nn.Conv2d(c, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU(inplace=True),
        nn.Conv2d(128, 768, 2, bias=False), nn.BatchNorm2d(768), nn.ReLU(inplace=True),
        nn.Flatten(), nn.Linear(768, classes))


class Network(nn.Module):
    def __init__(self, genotype, channels, cells, classes=10):
        super().__init__()
        c = 3 * channels
        self.stem = nn.Sequential(nn.Conv2d(3, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))
        cpp, cp, c, after = c, c, channels, False
        self.cells, self.second = nn.ModuleList(), 2 * cells // 3
        for i in range(cells):
            reduction = i in (cells // 3, 2 * cells // 3)
            c *= 2 if reduction else 1
            edges, concat = ((genotype.reduce, genotype.reduce_concat) if reduction
                             else (genotype.normal, genotype.normal_concat))
            self.cells.append(Cell(edges, concat, cpp, cp, c, reduction, after))
            after, cpp, cp = reduction, cp, len(concat) * c
            if i == self.second:
                self.auxiliary = auxiliary_head(cp, classes)
        self.head = nn.Linear(cp, classes)

    def forward(self, x, drop):
        s0 = s1 = self.stem(x)
        for i, cell in enumerate(self.cells):
            s0, s1 = s1, cell(s0, s1, drop)
            if i == self.second:
                auxiliary = self.auxiliary(s1)
        return self.head(s1.mean((2, 3))), auxiliary


def main():
    p = options(cells=20, channels=36, batch=32)
    p.add_argument("--genotype", required=True)
    a = p.parse_args()
    with open(a.genotype) as file:
        scope = {"Genotype": Genotype}
        exec(file.read(), scope)
    genotype = next(value for value in scope.values() if isinstance(value, Genotype))
    bench = Bench(a)
    net = Network(genotype, a.channels, a.cells).to(a.device, memory_format=bench.layout)
    weights = list(net.parameters())
    sgd = torch.optim.SGD(weights, 0.025, momentum=0.9, weight_decay=3e-4)
    x, y = bench.batch()

    def train(t):
        sgd.zero_grad()
        logits, auxiliary = net(x, DROP_PATH * t / EPOCHS)
        loss = F.cross_entropy(logits, y) + AUXILIARY * F.cross_entropy(auxiliary, y)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 5.0)
        sgd.step()

    _, iteration_s = bench.run(train)
    count = lambda of: sum(w.numel() for w in of.parameters())
    second = count(net.auxiliary)
    bench.report(iteration_s, parameters=[count(net) - second, second])


if __name__ == "__main__":
    main()
