// An op set: operations that the edges of a cell may become, each described as a graph of layers.
//
// An operation is a function from the values x[0], … to the values y[0], …. It computes nothing: every helper that takes `g` adds
// a layer, and the host runs, differentiates, costs and exports what was described. To add one, write the function and name it
// in `operations`. Layers that fail return 0; the host reports the first, so their results need not be checked.
//
// Where no layer does what you want there are kernels: functions of your own over plain memory. `blur` has one.

#include <edas_plugin.h>

#include <cmath>

namespace {

const EdasHost* the_host = nullptr;

// x · x / √(1 + x²): like |x| far from 0, smooth at 0. One type of numbers; `Body` is what the host's threads run.
template <typename T>
EdasStatus soft_magnitude(const EdasKernelCall& call) {
    const bool backward = call.output_gradients != nullptr;
    struct Body {
        const T *x, *dy;
        T *y, *dx;
        static void part(void* context, size_t begin, size_t end) {
            const Body& b = *static_cast<const Body*>(context);
            for (size_t i = begin; i < end; ++i) {
                const T x = b.x[i], root = std::sqrt(1 + x * x);
                if (b.y) {
                    b.y[i] = x * x / root;
                } else {
                    b.dx[i] = b.dy[i] * x * (2 + x * x) / (root * root * root);
                }
            }
        }
    } body{};
    body.x = static_cast<const T*>(call.inputs[0].data);
    if (backward) {
        // The only input, so its gradient is wanted; with more, `edas_wants` tells which are.
        body.dy = static_cast<const T*>(call.output_gradients[0].data);
        body.dx = static_cast<T*>(call.input_gradients[0].data);
    } else {
        body.y = static_cast<T*>(call.outputs[0].data);
    }
    size_t count = 1;
    for (size_t d = 0; d < call.inputs[0].rank; ++d) count *= static_cast<size_t>(call.inputs[0].sizes[d]);
    return edas_parallel(the_host, count, 4096, Body::part, &body, nullptr);
}

EdasStatus forward_or_backward(void*, const EdasKernelCall* call, const EdasSink* error) {
    const EdasStatus status =
        call->dtype == EDAS_DTYPE_FLOAT64 ? soft_magnitude<double>(*call) : soft_magnitude<float>(*call);
    return status == EDAS_OK ? EDAS_OK : edas_fail(error, "a thread failed");
}

// The same from layers: what the host uses for export, on GPUs and for second derivatives, and what it checks the kernel against.
EdasStatus reference(
    void*, const EdasBuilder* g, const uint64_t* x, size_t, uint64_t* y, size_t, const EdasSink*) {
    const uint64_t square = edas_mul(g, x[0], x[0]);
    const EdasAttribute one = edas_integer("other", 1);
    const uint64_t sum = edas_aten(g, "add", "Scalar", &square, 1, &one, 1);
    y[0] = edas_mul(g, square, edas_aten(g, "rsqrt", "", &sum, 1, nullptr, 0));
    return EDAS_OK;
}

uint64_t add_soft_magnitude(const EdasBuilder* g, uint64_t x) {
    int64_t sizes[8] = {};
    const int64_t rank = g->shape(g->context, x, sizes, 8);
    const EdasKernelTensor output = edas_kernel_tensor(sizes, rank > 0 ? static_cast<size_t>(rank) : 0);
    EdasKernel kernel = edas_kernel("soft_magnitude", &output);
    kernel.dtypes = EDAS_DTYPE_FLOAT32 | EDAS_DTYPE_FLOAT64;
    kernel.layouts = EDAS_LAYOUT_CONTIGUOUS | EDAS_LAYOUT_CHANNELS_LAST;
    kernel.keeps_inputs = 1;
    kernel.forward = forward_or_backward;
    kernel.backward = forward_or_backward;
    kernel.reference = reference;
    return edas_add_kernel(g, &x, 1, &kernel);
}

const EdasParameterInfo gated_parameters[] = {
    EDAS_INTEGER_PARAMETER("kernel", "height and width of the kernel, odd", 3, 1, 15),
};

// ReLU, depthwise convolution; one pointwise convolution of it, times the sigmoid of another; batch norm.
EdasStatus gated(
    const EdasArguments* op, const EdasBuilder* g, const uint64_t* x, uint64_t* y, const EdasSink* error) {
    const int64_t kernel = edas_argument_integer(op, "kernel", 3);
    if (kernel % 2 == 0) return edas_fail(error, "`kernel` must be odd");
    const uint64_t z = edas_depthwise(g, edas_relu(g, x[0]), kernel, op->stride, 1);
    const uint64_t gate = edas_sigmoid(g, edas_pointwise(g, z, op->channels_out));
    y[0] = edas_batch_norm(g, edas_mul(g, edas_pointwise(g, z, op->channels_out), gate), edas_affine(op));
    return EDAS_OK;
}

// How much there is on average, in other channels.
EdasStatus blur(
    const EdasArguments* op, const EdasBuilder* g, const uint64_t* x, uint64_t* y, const EdasSink*) {
    const uint64_t z = edas_avg_pool(g, add_soft_magnitude(g, x[0]), 3, op->stride);
    y[0] = edas_batch_norm(g, edas_pointwise(g, z, op->channels_out), edas_affine(op));
    return EDAS_OK;
}

const EdasOperation operations[] = {
    EDAS_CANDIDATE_WITH("gated", "depthwise convolution, scaled by a gate", gated, gated_parameters),
    EDAS_CANDIDATE("blur", "magnitude, mean of 3x3, pointwise convolution, batch norm", blur),
};
EDAS_DEFINE_OP_SET(op_set, operations)

EdasStatus init(const EdasHost* host, const EdasSink*) {
    the_host = host;
    return EDAS_OK;
}

const void* get_extension(EdasText id) { return edas_text_is(id, EDAS_OP_SET) ? &op_set : nullptr; }

}  // namespace

EDAS_DEFINE_PLUGIN("my-plugin", "0.1.0", "Operations of my own", init, get_extension);
