// A block that computes on libtorch's tensors.
#pragma once

#include <edas_plugin.h>

// Adds a global context block with its weights to a graph; `libtorch` is the version that this was built with.
uint64_t add_global_context(const EdasBuilder* g, uint64_t x, const char* libtorch);
