/* Scaling every channel by a weight, as a kernel with a reference graph; -DFAULT=… plants a fault that the conformance kit must
 * find. */
#include "edas_plugin.h"

#include <stdlib.h>

#define NO_FAULT 0
#define INPUT_GRADIENT 1
#define PARAMETER_GRADIENT 2
#define AT_STRIDE_2 3
#define UNLIKE_REFERENCE 4
#define NOT_REPEATABLE 5
#define BY_THREADS 6
#define IGNORES_MASK 7
#define NOT_FINITE 8

#ifndef FAULT
#define FAULT NO_FAULT
#endif

static const EdasHost *host;

/* What the kernel knows of its place. */
typedef struct Place {
  int64_t stride;
} Place;

#define AT(type, buffer, n, c, h, w)                                                                        \
  ((type *)(buffer)->data)[(n) * (buffer)->strides[0] + (c) * (buffer)->strides[1] + (h) * (buffer)->strides[2] + \
                           (w) * (buffer)->strides[3]]

#define DEFINE(type, name)                                                                                  \
  static void forward_##name(const Place *place, const EdasKernelCall *call) {                              \
    const EdasBuffer *x = &call->inputs[0], *weight = &call->inputs[1], *y = &call->outputs[0];             \
    const type extra = (type)faulty_factor();                                                               \
    int64_t n, c, h, w;                                                                                     \
    for (n = 0; n < y->sizes[0]; ++n)                                                                       \
      for (c = 0; c < y->sizes[1]; ++c)                                                                     \
        for (h = 0; h < y->sizes[2]; ++h)                                                                   \
          for (w = 0; w < y->sizes[3]; ++w)                                                                 \
            AT(type, y, n, c, h, w) = AT(const type, x, n, c, h * place->stride, w * place->stride) *       \
                                      ((const type *)weight->data)[c] * extra;                              \
  }                                                                                                         \
  static void backward_##name(const Place *place, const EdasKernelCall *call) {                             \
    const EdasBuffer *x = &call->inputs[0], *weight = &call->inputs[1], *dy = &call->output_gradients[0];   \
    const EdasBuffer *dx = &call->input_gradients[0], *dweight = &call->input_gradients[1];                 \
    const int64_t s = place->stride;                                                                        \
    int64_t n, c, h, w;                                                                                     \
    if (dx->data) {                                                                                         \
      for (n = 0; n < dx->sizes[0]; ++n)                                                                    \
        for (c = 0; c < dx->sizes[1]; ++c)                                                                  \
          for (h = 0; h < dx->sizes[2]; ++h)                                                                \
            for (w = 0; w < dx->sizes[3]; ++w)                                                              \
              AT(type, dx, n, c, h, w) =                                                                    \
                  h % s || w % s ? 0                                                                        \
                                 : AT(const type, dy, n, c, h / s, w / s) * ((const type *)weight->data)[c] * \
                                       (type)(FAULT == INPUT_GRADIENT || (FAULT == AT_STRIDE_2 && s == 2) ? 1.01 : 1); \
    }                                                                                                       \
    if (dweight->data && !(FAULT == IGNORES_MASK && !dx->data)) {                                           \
      for (c = 0; c < dy->sizes[1]; ++c) {                                                                  \
        type sum = 0;                                                                                       \
        for (n = 0; n < dy->sizes[0]; ++n)                                                                  \
          for (h = 0; h < dy->sizes[2]; ++h)                                                                \
            for (w = 0; w < dy->sizes[3]; ++w)                                                              \
              sum += AT(const type, dy, n, c, h, w) * AT(const type, x, n, c, h * s, w * s);                \
        ((type *)dweight->data)[c] = sum * (type)(FAULT == PARAMETER_GRADIENT ? 0.99 : 1);                  \
      }                                                                                                     \
    } else if (dweight->data) {                                                                             \
      for (c = 0; c < dy->sizes[1]; ++c) ((type *)dweight->data)[c] = 0;                                    \
    }                                                                                                       \
  }

/* By how much a forward is off. */
static double faulty_factor(void) {
#if FAULT == UNLIKE_REFERENCE
  return 1.001;
#elif FAULT == NOT_REPEATABLE
  static int calls;
  return 1 + 1e-5 * (++calls % 7);
#elif FAULT == BY_THREADS
  const EdasParallel *parallel = (const EdasParallel *)host->get_extension(edas_text(EDAS_HOST_PARALLEL));
  return 1 + 1e-6 * (double)parallel->threads();
#elif FAULT == NOT_FINITE
  const double zero = 0;
  return zero / zero;
#else
  return 1;
#endif
}

DEFINE(float, float)
DEFINE(double, double)

static EdasStatus forward(void *user_data, const EdasKernelCall *call, const EdasSink *error) {
  (void)error;
  if (call->dtype == EDAS_DTYPE_FLOAT64) {
    forward_double((const Place *)user_data, call);
  } else {
    forward_float((const Place *)user_data, call);
  }
  return EDAS_OK;
}

static EdasStatus backward(void *user_data, const EdasKernelCall *call, const EdasSink *error) {
  (void)error;
  if (call->dtype == EDAS_DTYPE_FLOAT64) {
    backward_double((const Place *)user_data, call);
  } else {
    backward_float((const Place *)user_data, call);
  }
  return EDAS_OK;
}

static EdasStatus reference(void *user_data, const EdasBuilder *g, const uint64_t *x, size_t input_count, uint64_t *y,
                            size_t output_count, const EdasSink *error) {
  const Place *place = (const Place *)user_data;
  const EdasAttribute stride = edas_integer("stride", place->stride);
  EdasAttribute attributes[2];
  (void)input_count, (void)output_count, (void)error;
  attributes[0] = stride;
  attributes[1] = edas_integer("groups", edas_channels(g, x[0]));
  y[0] = edas_aten(g, "conv2d", "", x, 2, attributes, 2);
  return EDAS_OK;
}

static EdasStatus scaled(const EdasArguments *op, const EdasBuilder *g, const uint64_t *x, uint64_t *y,
                         const EdasSink *error) {
  const int64_t channels = op->channels_in;
  const int64_t weight_sizes[4] = {channels, 1, 1, 1};
  int64_t sizes[3];
  uint64_t inputs[2];
  EdasKernelTensor shape;
  EdasKernel kernel;
  Place *place = (Place *)malloc(sizeof(Place));
  if (!place) return edas_fail(error, "out of memory");
  place->stride = op->stride;
  sizes[0] = channels;
  sizes[1] = (edas_size(g, x[0], 1) - 1) / op->stride + 1;
  sizes[2] = (edas_size(g, x[0], 2) - 1) / op->stride + 1;
  shape = edas_kernel_tensor(sizes, 3);
  inputs[0] = x[0];
  inputs[1] = edas_parameter(g, "scale", weight_sizes, 4, "normal", 1.0);
  kernel = edas_kernel("scale", &shape);
  kernel.dtypes = EDAS_DTYPE_FLOAT32 | EDAS_DTYPE_FLOAT64;
  kernel.layouts = EDAS_LAYOUT_CONTIGUOUS | EDAS_LAYOUT_CHANNELS_LAST;
  kernel.keeps_inputs = 1;
  kernel.forward = forward;
  kernel.backward = backward;
  kernel.reference = reference;
  kernel.destroy = free;
  kernel.user_data = place;
  g->kernel(g->context, inputs, 2, &kernel, y, 1);
  return EDAS_OK;
}

static const EdasOperation operations[] = {EDAS_CANDIDATE("scaled", "every channel times a weight", scaled)};
EDAS_DEFINE_OP_SET(op_set, operations)

static EdasStatus init(const EdasHost *given, const EdasSink *error) {
  (void)error;
  host = given;
  return EDAS_OK;
}

static const void *get_extension(EdasText id) { return edas_text_is(id, EDAS_OP_SET) ? &op_set : NULL; }

EDAS_DEFINE_PLUGIN("planted", "0.1.0", "A kernel with a planted fault", init, get_extension);
