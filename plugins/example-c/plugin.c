/* An op set in plain C: three candidates, one of them with a kernel of its own.
 *
 *   relu_depthwise   ReLU and depthwise 3×3 in one pass (relu_depthwise.c), pointwise, batch norm
 *   inverted         an inverted bottleneck of layers, with parameters
 *   mish             an ATen operator, x · tanh(softplus(x)), then pointwise and batch norm
 *
 * All three keep or change the channels as asked, and shrink height and width by the stride. */
#include <edas_plugin.h>

#include "relu_depthwise.h"

/* Channels as asked, and batch norm as the form of the network wants it. */
static uint64_t pointwise_norm(const EdasArguments *op, const EdasBuilder *g, uint64_t x) {
  return edas_batch_norm(g, edas_pointwise(g, x, op->channels_out), edas_affine(op));
}

static EdasStatus relu_depthwise(const EdasArguments *op, const EdasBuilder *g, const uint64_t *x, uint64_t *y,
                                 const EdasSink *error) {
  uint64_t z;
  if (edas_rank(g, x[0]) != 3) return edas_fail(error, "relu_depthwise takes a map: channels, height, width");
  if (op->stride != 1 && op->stride != 2) {
    return edas_fail_with(error, "relu_depthwise knows the strides 1 and 2, not %lld", (long long)op->stride);
  }
  z = add_relu_depthwise(g, x[0], op->stride);
  if (z == 0) return edas_fail(error, "relu_depthwise could not be built");
  y[0] = pointwise_norm(op, g, z);
  return EDAS_OK;
}

static const EdasText activations[] = {EDAS_TEXT("relu6"), EDAS_TEXT("hard_swish"), EDAS_TEXT("silu")};
static const EdasParameterInfo inverted_parameters[] = {
    EDAS_INTEGER_PARAMETER("kernel", "height and width of the depthwise kernel, odd", 3, 1, 15),
    EDAS_INTEGER_PARAMETER("expand", "how many times the channels it computes on", 3, 1, 16),
    EDAS_WORD_PARAMETER("activation", "the function between the convolutions", "relu6", activations),
};

static uint64_t activation(const EdasArguments *op, const EdasBuilder *g, uint64_t x) {
  if (edas_argument_is(op, "activation", "silu")) return edas_silu(g, x);
  if (edas_argument_is(op, "activation", "hard_swish")) return edas_hard_swish(g, x);
  return edas_relu6(g, x);
}

/* Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018. */
static EdasStatus inverted(const EdasArguments *op, const EdasBuilder *g, const uint64_t *x, uint64_t *y,
                           const EdasSink *error) {
  const int64_t kernel = edas_argument_integer(op, "kernel", 3);
  const int64_t wide = edas_argument_integer(op, "expand", 3) * op->channels_in;
  uint64_t z = x[0];
  if (kernel % 2 == 0) return edas_fail_with(error, "`kernel` is odd, not %lld", (long long)kernel);
  z = edas_batch_norm(g, edas_pointwise(g, z, wide), edas_affine(op));
  z = activation(op, g, z);
  z = edas_batch_norm(g, edas_depthwise(g, z, kernel, op->stride, 1), edas_affine(op));
  z = pointwise_norm(op, g, activation(op, g, z));
  y[0] = op->stride == 1 && op->channels_in == op->channels_out ? edas_add(g, x[0], z) : z;
  return EDAS_OK;
}

/* Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", BMVC 2020. */
static EdasStatus mish(const EdasArguments *op, const EdasBuilder *g, const uint64_t *x, uint64_t *y,
                       const EdasSink *error) {
  uint64_t z = edas_aten(g, "mish", "", x, 1, NULL, 0);
  (void)error;
  z = edas_conv_same(g, z, op->channels_out, 1, op->stride);
  y[0] = edas_batch_norm(g, z, edas_affine(op));
  return EDAS_OK;
}

static const EdasOperation operations[] = {
    EDAS_CANDIDATE("relu_depthwise", "ReLU and depthwise 3x3 as one kernel, pointwise, batch norm", relu_depthwise),
    EDAS_CANDIDATE_WITH("inverted", "an inverted bottleneck", inverted, inverted_parameters),
    EDAS_CANDIDATE("mish", "x tanh(softplus(x)), pointwise, batch norm", mish),
};
EDAS_DEFINE_OP_SET(op_set, operations)

static EdasStatus init(const EdasHost *host, const EdasSink *error) {
  (void)error;
  relu_depthwise_host = host;
  return EDAS_OK;
}

static const void *get_extension(EdasText id) { return edas_text_is(id, EDAS_OP_SET) ? &op_set : NULL; }

EDAS_DEFINE_PLUGIN("example-c", "0.1.0", "An op set in plain C, one of its operations with a kernel", init, get_extension);
