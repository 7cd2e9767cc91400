"""What the yardsticks share: the operations of the DARTS space in eager PyTorch, options, and how iterations are measured."""
import argparse, json, resource, statistics, time
import torch
from torch import nn
from torch.nn import functional as F

CANDIDATES = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect",
              "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]


class Zero(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, ::self.stride, ::self.stride] * 0.0


class HalvingSkip(nn.Module):
    """Stride-2 skip: two 1x1 convolutions on shifted grids, concatenated."""
    def __init__(self, cin, cout, affine=False):
        super().__init__()
        self.even = nn.Conv2d(cin, cout // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(cin, cout - cout // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(cout, affine=affine)

    def forward(self, x):
        x = F.relu(x)
        return self.norm(torch.cat([self.even(x), self.odd(x[:, :, 1:, 1:])], 1))


def pointwise(cin, c, affine=False):
    return nn.Sequential(nn.ReLU(), nn.Conv2d(cin, c, 1, bias=False), nn.BatchNorm2d(c, affine=affine))


def depthwise(c, k, stride, dilation=1, affine=False):
    pad = dilation * (k - 1) // 2
    return [nn.ReLU(), nn.Conv2d(c, c, k, stride, pad, dilation, groups=c, bias=False),
            nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c, affine=affine)]


def candidate(name, c, stride, final=False):
    """An operation: of a supernet, or `final`, where batch norms have weights and pools have no batch norm."""
    if name == "none":
        return Zero(stride)
    if name == "max_pool_3x3":
        pool = nn.MaxPool2d(3, stride, 1)
        return pool if final else nn.Sequential(pool, nn.BatchNorm2d(c, affine=False))
    if name == "avg_pool_3x3":
        pool = nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        return pool if final else nn.Sequential(pool, nn.BatchNorm2d(c, affine=False))
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else HalvingSkip(c, c, final)
    kind, k = name[:3], int(name[-1])
    if kind == "sep":
        return nn.Sequential(*depthwise(c, k, stride, affine=final), *depthwise(c, k, 1, affine=final))
    return nn.Sequential(*depthwise(c, k, stride, dilation=2, affine=final))


def options(cells, channels, batch):
    p = argparse.ArgumentParser()
    p.add_argument("--cells", type=int, default=cells)
    p.add_argument("--channels", type=int, default=channels)
    p.add_argument("--batch", type=int, default=batch)
    p.add_argument("--size", type=int, default=32)
    p.add_argument("--iterations", type=int, default=6)
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--device", default="cpu")
    return p


class Bench:
    """Settings from the options, a batch of noise, and the times of iterations that count."""
    def __init__(self, a):
        self.a = a
        if a.threads:
            torch.set_num_threads(a.threads)
        torch.manual_seed(0)
        self.layout = torch.channels_last if a.channels_last else torch.contiguous_format
        self.sync = torch.cuda.synchronize if a.device.startswith("cuda") else lambda: None

    def batch(self):
        a = self.a
        x = torch.randn(a.batch, 3, a.size, a.size, device=a.device)
        return x.contiguous(memory_format=self.layout), torch.randint(0, 10, (a.batch,), device=a.device)

    def run(self, *phases):
        """Runs the phases of each iteration in turn: functions of its number. Medians: one per phase, then of their sum."""
        times = []
        for t in range(self.a.warmup + self.a.iterations):
            marks = []
            for phase in (*phases, None):
                self.sync(); marks.append(time.perf_counter())
                if phase:
                    phase(t)
            if t >= self.a.warmup:
                parts = [end - begin for begin, end in zip(marks, marks[1:])]
                times.append([*parts, sum(parts)])
        return [round(statistics.median(column), 4) for column in zip(*times)]

    def report(self, iteration_s, **others):
        """Prints one JSON line; times in seconds, memory in MiB."""
        a = self.a
        print(json.dumps({
            **others, "cells": a.cells, "channels": a.channels, "batch": a.batch,
            "layout": "channels_last" if a.channels_last else "contiguous",
            "threads": torch.get_num_threads(), "torch": torch.__version__, "iteration_s": iteration_s,
            "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
