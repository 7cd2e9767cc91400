/* An op set: operations that the edges of a cell may become, each described as a graph of layers.
 *
 * An operation is a function from the values x[0], … to the values y[0], …. It computes nothing: every helper that takes `g` adds
 * a layer, and the host runs, differentiates, costs and exports what was described. To add one, write the function and name it
 * in `operations`. Layers that fail return 0; the host reports the first, so their results need not be checked. */
#include <edas_plugin.h>

static const EdasParameterInfo gated_parameters[] = {
    EDAS_INTEGER_PARAMETER("kernel", "height and width of the kernel, odd", 3, 1, 15),
};

/* ReLU, depthwise convolution; one pointwise convolution of it, times the sigmoid of another; batch norm. */
static EdasStatus gated(const EdasArguments *op, const EdasBuilder *g, const uint64_t *x, uint64_t *y,
                        const EdasSink *error) {
  const int64_t kernel = edas_argument_integer(op, "kernel", 3);
  uint64_t z, gate;
  if (kernel % 2 == 0) return edas_fail(error, "`kernel` must be odd");
  z = edas_depthwise(g, edas_relu(g, x[0]), kernel, op->stride, 1);
  gate = edas_sigmoid(g, edas_pointwise(g, z, op->channels_out));
  z = edas_mul(g, edas_pointwise(g, z, op->channels_out), gate);
  y[0] = edas_batch_norm(g, z, edas_affine(op));
  return EDAS_OK;
}

/* What is there on average, in other channels. */
static EdasStatus blur(const EdasArguments *op, const EdasBuilder *g, const uint64_t *x, uint64_t *y,
                       const EdasSink *error) {
  const uint64_t z = edas_pointwise(g, edas_avg_pool(g, x[0], 3, op->stride), op->channels_out);
  (void)error;
  y[0] = edas_batch_norm(g, z, edas_affine(op));
  return EDAS_OK;
}

static const EdasOperation operations[] = {
    EDAS_CANDIDATE_WITH("gated", "depthwise convolution, scaled by a gate", gated, gated_parameters),
    EDAS_CANDIDATE("blur", "mean of 3x3, pointwise convolution, batch norm", blur),
};
EDAS_DEFINE_OP_SET(op_set, operations)

static const void *get_extension(EdasText id) { return edas_text_is(id, EDAS_OP_SET) ? &op_set : NULL; }

EDAS_DEFINE_PLUGIN("my-plugin", "0.1.0", "Operations of my own", NULL, get_extension);
