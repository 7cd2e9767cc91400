/* The kernel's table, its reference graph, and what both ways have in common. The loops are in relu_depthwise_typed.h. They are
 * written to be read: on a machine with AVX2, libtorch's own are two to four times as fast. */
#include "relu_depthwise.h"

#include <stdlib.h>

const EdasHost *relu_depthwise_host;

/* One call, for all threads. */
typedef struct Job {
  int64_t n, c, h, w; /* x: examples, channels, height, width */
  int64_t p, q;       /* y: height, width */
  int64_t stride;
  int last; /* whether channels are last in memory */
  const void *x, *taps, *dy;
  void *y, *dx, *dtaps;
} Job;

/* How many of q results along a row of w pixels have their tap v (0 to 2) within it, counted from the left. */
static int64_t columns(int64_t w, int64_t q, int64_t stride, int64_t v) {
  const int64_t last = (w - v) / stride + 1; /* stride·j + v − 1 < w */
  return w - v < 0 ? 0 : (last < q ? last : q);
}

#define REAL float
#define TYPED(name) name##_float
#include "relu_depthwise_typed.h"
#undef REAL
#undef TYPED
#define REAL double
#define TYPED(name) name##_double
#include "relu_depthwise_typed.h"
#undef REAL
#undef TYPED

static EdasStatus run(const void *user_data, const EdasKernelCall *call, const EdasSink *error) {
  const EdasBuffer *x = &call->inputs[0], *weight = &call->inputs[1];
  const int backward = call->output_gradients != NULL;
  void *dweight = backward && edas_wants(call, 1) ? call->input_gradients[1].data : NULL;
  EdasStatus status;
  Job job = {0};
  job.stride = *(const int64_t *)user_data;
  job.n = x->sizes[0], job.c = x->sizes[1], job.h = x->sizes[2], job.w = x->sizes[3];
  job.p = (job.h - 1) / job.stride + 1, job.q = (job.w - 1) / job.stride + 1;
  job.last = call->layout == EDAS_LAYOUT_CHANNELS_LAST;
  job.x = x->data;
  if (backward) {
    job.dy = call->output_gradients[0].data;
    job.dx = edas_wants(call, 0) ? call->input_gradients[0].data : NULL;
  } else {
    job.y = call->outputs[0].data;
  }
  if (call->dtype == EDAS_DTYPE_FLOAT64) {
    status = run_double(&job, (const double *)weight->data, (double *)dweight, (double *)call->scratch);
  } else {
    status = run_float(&job, (const float *)weight->data, (float *)dweight, (float *)call->scratch);
  }
  return status == EDAS_OK ? EDAS_OK : edas_fail(error, "a thread failed");
}

static EdasStatus forward(void *user_data, const EdasKernelCall *call, const EdasSink *error) {
  return run(user_data, call, error);
}

static EdasStatus backward(void *user_data, const EdasKernelCall *call, const EdasSink *error) {
  return run(user_data, call, error);
}

/* The same from layers: what serves where the kernel cannot, and what it is checked against. */
static EdasStatus reference(void *user_data, const EdasBuilder *g, const uint64_t *inputs, size_t input_count,
                            uint64_t *outputs, size_t output_count, const EdasSink *error) {
  uint64_t x_and_weight[2];
  EdasAttribute attributes[3];
  (void)input_count, (void)output_count, (void)error;
  x_and_weight[0] = edas_relu(g, inputs[0]);
  x_and_weight[1] = inputs[1];
  attributes[0] = edas_integer("stride", *(const int64_t *)user_data);
  attributes[1] = edas_integer("padding", 1);
  attributes[2] = edas_integer("groups", edas_channels(g, inputs[0]));
  outputs[0] = edas_aten(g, "conv2d", "", x_and_weight, 2, attributes, 3);
  return EDAS_OK;
}

uint64_t add_relu_depthwise(const EdasBuilder *g, uint64_t x, int64_t stride) {
  const int64_t c = edas_size(g, x, 0), h = edas_size(g, x, 1), w = edas_size(g, x, 2);
  int64_t weight_sizes[4], sizes[3];
  EdasKernelTensor output;
  EdasKernel kernel;
  uint64_t inputs[2];
  int64_t *user_data = malloc(sizeof *user_data);
  if (!user_data) return 0;
  *user_data = stride;
  weight_sizes[0] = c, weight_sizes[1] = 1, weight_sizes[2] = weight_sizes[3] = 3;
  sizes[0] = c, sizes[1] = (h - 1) / stride + 1, sizes[2] = (w - 1) / stride + 1;
  inputs[0] = x;
  /* As a convolution starts: uniform within 1 / √(inputs per output). */
  inputs[1] = edas_parameter(g, "depthwise", weight_sizes, 4, "uniform", 1.0 / 3.0);
  output = edas_kernel_tensor(sizes, 3);
  kernel = edas_kernel("relu_depthwise", &output);
  kernel.dtypes = EDAS_DTYPE_FLOAT32 | EDAS_DTYPE_FLOAT64;
  kernel.layouts = EDAS_LAYOUT_CONTIGUOUS | EDAS_LAYOUT_CHANNELS_LAST;
  kernel.keeps_inputs = 1;
  kernel.scratch = (size_t)(9 * c) * sizeof(double);
  kernel.scratch_per_example = (size_t)(9 * c) * sizeof(double);
  kernel.multiply_adds = 9 * c * sizes[1] * sizes[2];
  kernel.forward = forward;
  kernel.backward = backward;
  kernel.reference = reference;
  kernel.destroy = free;
  kernel.user_data = user_data;
  return edas_add_kernel(g, inputs, 2, &kernel);
}
