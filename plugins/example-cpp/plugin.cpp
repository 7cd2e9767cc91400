// An op set in C++ that links libtorch: one operation computes on at::Tensor (context.cpp), one is made of layers and would need
// no libtorch at all.
//
//   global_context    depthwise 3×3, batch norm, global context, ReLU, pointwise, batch norm
//   squeeze_excite    pointwise, batch norm, channels scaled by what a small network makes of their means

#include <edas_plugin.h>
#include <torch/version.h>

#include <algorithm>

#include "context.h"

// What this was built with. The tests say otherwise, to see it refused.
#ifndef EXAMPLE_LIBTORCH
#define EXAMPLE_LIBTORCH TORCH_VERSION
#endif

namespace {

EdasStatus global_context(
    const EdasArguments* op, const EdasBuilder* g, const uint64_t* x, uint64_t* y, const EdasSink* error) {
    if (edas_rank(g, x[0]) != 3) return edas_fail(error, "global_context takes a map: channels, height, width");
    uint64_t z = edas_batch_norm(g, edas_depthwise(g, x[0], 3, op->stride, 1), edas_affine(op));
    z = add_global_context(g, z, EXAMPLE_LIBTORCH);
    y[0] = edas_batch_norm(g, edas_pointwise(g, edas_relu(g, z), op->channels_out), edas_affine(op));
    return EDAS_OK;
}

const EdasParameterInfo squeeze_excite_parameters[] = {
    EDAS_INTEGER_PARAMETER("reduction", "how many times fewer channels the small network has", 4, 1, 64),
};

// Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018.
EdasStatus squeeze_excite(
    const EdasArguments* op, const EdasBuilder* g, const uint64_t* x, uint64_t* y, const EdasSink*) {
    const int64_t small = std::max<int64_t>(op->channels_out / edas_argument_integer(op, "reduction", 4), 1);
    const uint64_t z =
        edas_batch_norm(g, edas_conv_same(g, edas_relu(g, x[0]), op->channels_out, 1, op->stride), edas_affine(op));
    EdasConv squeeze = edas_conv_of(small, 1), excite = edas_conv_of(op->channels_out, 1);
    squeeze.bias = excite.bias = 1;
    const uint64_t means = edas_relu(g, edas_conv(g, edas_global_avg_pool(g, z), squeeze));
    y[0] = edas_mul(g, z, edas_sigmoid(g, edas_conv(g, means, excite)));
    return EDAS_OK;
}

const EdasOperation operations[] = {
    EDAS_CANDIDATE("global_context", "depthwise 3x3, attention over all pixels, pointwise", global_context),
    EDAS_CANDIDATE_WITH("squeeze_excite", "channels scaled by their means", squeeze_excite, squeeze_excite_parameters),
};
EDAS_DEFINE_OP_SET(op_set, operations)

// The part of a version before the build: 2.13.0 of 2.13.0+cpu.
EdasText release(EdasText version) {
    const uint8_t* end = std::find(version.data, version.data + version.length, '+');
    version.length = static_cast<size_t>(end - version.data);
    return version;
}

// Asked at once, so that a user hears of it before a search begins. The host asks again at every native layer.
EdasStatus init(const EdasHost* host, const EdasSink* error) {
#ifdef EXAMPLE_CARELESS
    return EDAS_OK;
#endif
    const EdasText theirs = edas_libtorch(host);
    if (edas_texts_equal(release(theirs), release(edas_text(EXAMPLE_LIBTORCH)))) return EDAS_OK;
    return edas_fail_with(
        error, "this plugin was built with libtorch %s, and the host runs on %.*s: build it against the host's",
        EXAMPLE_LIBTORCH, static_cast<int>(theirs.length), reinterpret_cast<const char*>(theirs.data));
}

const void* get_extension(EdasText id) { return edas_text_is(id, EDAS_OP_SET) ? &op_set : nullptr; }

}  // namespace

EDAS_DEFINE_PLUGIN("example-cpp", "0.1.0", "An op set in C++ that computes on libtorch's tensors", init, get_extension);
