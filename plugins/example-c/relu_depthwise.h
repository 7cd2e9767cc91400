/* A kernel: ReLU and a depthwise 3×3 convolution with padding 1, in one pass over the map. */
#ifndef RELU_DEPTHWISE_H
#define RELU_DEPTHWISE_H

#include <edas_plugin.h>

/* The host, for its threads; set by `init`. */
extern const EdasHost *relu_depthwise_host;

/* Adds the kernel and its weight (channels, 1, 3, 3) to a graph. `stride` is 1 or 2. Returns 0 where it fails. */
uint64_t add_relu_depthwise(const EdasBuilder *g, uint64_t x, int64_t stride);

#endif
