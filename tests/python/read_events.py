"""Prints what TensorBoard's own reader finds in a folder, as JSON."""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

accumulator = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "images": 0})
accumulator.Reload()
tags = accumulator.Tags()


def histogram(event):
    value = event.histogram_value
    assert sum(value.bucket) == value.num and len(value.bucket) == len(value.bucket_limit)
    return [event.step, value.num, value.min, value.max]


def image(event):
    return [event.step, event.width, event.height, event.encoded_image_string[1:4].decode()]


print(
    json.dumps(
        {
            "scalars": {tag: [[e.step, e.value] for e in accumulator.Scalars(tag)] for tag in tags["scalars"]},
            "histograms": {tag: [histogram(e) for e in accumulator.Histograms(tag)] for tag in tags["histograms"]},
            "images": {tag: [image(e) for e in accumulator.Images(tag)] for tag in tags["images"]},
        }
    )
)
