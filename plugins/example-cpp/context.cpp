// Global context (Cao et al., "GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond", 2019): attention over
// all pixels, the same for every pixel, pools the map; what two small linear maps make of the pool is added everywhere.
//
//     a = softmax over pixels of (key · x)              key (1, c)
//     z = Σ over pixels of a · x                        (c)
//     y = x + up · relu(layer norm (down · z))          down (c/r, c), up (c, c/r)

#include "context.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <exception>

namespace {

constexpr int64_t REDUCTION = 4;

// Exceptions may leave this function, the host catches them; caught here the message says whose they are.
EdasStatus forward(
    void*, const void* const* inputs, size_t, void* const* outputs, size_t, const EdasSink* error) try {
    const auto tensor = [&](size_t i) -> const at::Tensor& { return *static_cast<const at::Tensor*>(inputs[i]); };
    const at::Tensor &x = tensor(0), &key = tensor(1), &down = tensor(2), &up = tensor(3);
    const at::Tensor pixels = x.flatten(2);                                                    // (n, c, h·w)
    const at::Tensor attention = at::softmax(at::matmul(key, pixels), -1);                     // (n, 1, h·w)
    const at::Tensor pool = at::matmul(pixels, attention.transpose(1, 2)).squeeze(2);          // (n, c)
    const at::Tensor hidden = at::relu(at::layer_norm(at::linear(pool, down), {down.size(0)}));
    *static_cast<at::Tensor*>(outputs[0]) = x.add(at::linear(hidden, up).unsqueeze(-1).unsqueeze(-1));
    return EDAS_OK;
} catch (const std::exception& e) {
    return edas_fail_with(error, "global context: %s", e.what());
}

}  // namespace

uint64_t add_global_context(const EdasBuilder* g, uint64_t x, const char* libtorch) {
    const int64_t c = edas_size(g, x, 0), pixels = edas_size(g, x, 1) * edas_size(g, x, 2);
    const int64_t small = std::max<int64_t>(c / REDUCTION, 1);
    const int64_t key[2] = {1, c}, down[2] = {small, c}, up[2] = {c, small}, sizes[3] = {c, edas_size(g, x, 1), edas_size(g, x, 2)};
    const uint64_t inputs[4] = {
        x,
        edas_parameter(g, "key", key, 2, "normal", 0.1),
        edas_parameter(g, "down", down, 2, "normal", 0.1),
        edas_parameter(g, "up", up, 2, "normal", 0.1),
    };
    const EdasShape output = edas_shape(sizes, 3);
    EdasNative native = edas_native("global_context", libtorch, &output);
    native.multiply_adds = 2 * c * pixels + 2 * c * small;
    native.forward = forward;
    return edas_add_native(g, inputs, 4, &native);
}
