/* A kernel over a weight alone, in 32 bits: what it returns has no batch either. In 64 bits its reference graph takes its place;
 * BARE leaves that away. */
#include "edas_plugin.h"

static EdasStatus doubled(void *user_data, const EdasKernelCall *call, const EdasSink *error) {
  const int backward = call->output_gradients != NULL;
  const EdasBuffer *from = backward ? &call->output_gradients[0] : &call->inputs[0];
  const EdasBuffer *to = backward ? &call->input_gradients[0] : &call->outputs[0];
  int64_t i;
  (void)user_data;
  if (from->rank != 3) return edas_fail_with(error, "%d dimensions: the weight has a batch", (int)from->rank);
  for (i = 0; i < from->sizes[0]; ++i) ((float *)to->data)[i] = 2 * ((const float *)from->data)[i];
  return EDAS_OK;
}

static EdasStatus reference(void *user_data, const EdasBuilder *g, const uint64_t *x, size_t input_count, uint64_t *y,
                            size_t output_count, const EdasSink *error) {
  (void)user_data, (void)input_count, (void)output_count, (void)error;
  y[0] = edas_scale(g, x[0], 2.0);
  return EDAS_OK;
}

static EdasStatus scaled(const EdasArguments *op, const EdasBuilder *g, const uint64_t *x, uint64_t *y,
                         const EdasSink *error) {
  const int64_t sizes[3] = {op->channels_in, 1, 1};
  EdasKernelTensor output = edas_kernel_tensor(sizes, 3);
  const uint64_t weight = edas_parameter(g, "scale", sizes, 3, "normal", 1.0);
  EdasKernel kernel;
  if (op->stride != 1 || op->channels_in != op->channels_out) return edas_fail(error, "it keeps size and channels");
  output.batched = 0;
  kernel = edas_kernel("doubled", &output);
  kernel.forward = doubled;
  kernel.backward = doubled;
  kernel.reference = reference;
#ifdef BARE
  kernel.reference = NULL;
#endif
  y[0] = edas_mul(g, x[0], edas_add_kernel(g, &weight, 1, &kernel));
  return EDAS_OK;
}

static const EdasOperation operations[] = {EDAS_CANDIDATE("scaled", "every channel times twice a weight", scaled)};
EDAS_DEFINE_OP_SET(op_set, operations)

static const void *get_extension(EdasText id) { return edas_text_is(id, EDAS_OP_SET) ? &op_set : NULL; }

EDAS_DEFINE_PLUGIN("weight-kernel", "0.1.0", "A kernel over a weight", NULL, get_extension);
