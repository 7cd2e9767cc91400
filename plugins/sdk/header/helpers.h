/* Helpers for plugins in C11 and C++17: short names over the tables above. None of them is needed; all of them are inline, so
 * that a plugin links nothing. The tables are the interface, these are not: they may change with the header.
 *
 * A whole op set with them:
 *
 *     static EdasStatus half(const EdasArguments *op, const EdasBuilder *g, const uint64_t *x, uint64_t *y,
 *                            const EdasSink *error) {
 *         (void)op, (void)error;
 *         y[0] = edas_scale(g, x[0], 0.5);
 *         return EDAS_OK;
 *     }
 *     static const EdasOperation operations[] = {EDAS_CANDIDATE("half", "x / 2", half)};
 *     EDAS_DEFINE_OP_SET(op_set, operations)
 *     static const void *get_extension(EdasText id) { return edas_text_is(id, EDAS_OP_SET) ? &op_set : NULL; }
 *     EDAS_DEFINE_PLUGIN("my-ops", "0.1.0", "An example", NULL, get_extension);
 */
#ifndef EDAS_PLUGIN_HELPERS_H
#define EDAS_PLUGIN_HELPERS_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/**
 * Makes a symbol visible. Compile with `-fvisibility=hidden`, so that no other one is: the entry is all that a host needs.
 */
#if defined(_WIN32)
#define EDAS_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define EDAS_EXPORT __attribute__((visibility("default")))
#else
#define EDAS_EXPORT
#endif

#if defined(__GNUC__)
#define EDAS_INLINE static inline __attribute__((unused))
#define EDAS_FORMAT(text, rest) __attribute__((format(printf, text, rest)))
#else
#define EDAS_INLINE static inline
#define EDAS_FORMAT(text, rest)
#endif

/**
 * The symbol that a plugin exports; `EDAS_DEFINE_PLUGIN` defines it.
 */
#ifdef __cplusplus
extern "C" {
#endif
extern EDAS_EXPORT const EdasEntry edas_plugin_entry;
#ifdef __cplusplus
}
#endif

/**
 * Defines the exported symbol. `name`, `version` and `description` are string literals; `init` may be NULL.
 */
#define EDAS_DEFINE_PLUGIN(name, version, description, init, get_extension)                                        \
  const EdasEntry edas_plugin_entry = {                                                                            \
      EDAS_ABI_MAJOR,      EDAS_ABI_MINOR,         sizeof(EdasEntry), EDAS_TEXT(name), EDAS_TEXT(version),         \
      EDAS_TEXT(description), init,                NULL,              get_extension}

/**
 * Every edge of a plan.
 */
#define EDAS_ALL_EDGES SIZE_MAX

/* Texts. */

/**
 * A string literal as an `EdasText`, for initialisers.
 */
#define EDAS_TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

/**
 * No text, for initialisers.
 */
#define EDAS_NO_TEXT {NULL, 0}

/**
 * A string as a text. It must live as long as the text is used.
 */
EDAS_INLINE EdasText edas_text(const char *string) {
  EdasText text;
  text.data = (const uint8_t *)string;
  text.length = string ? strlen(string) : 0;
  return text;
}

/**
 * Whether a text is this string.
 */
EDAS_INLINE int edas_text_is(EdasText text, const char *string) {
  const size_t length = strlen(string);
  return text.length == length && (length == 0 || memcmp(text.data, string, length) == 0);
}

/**
 * Whether two texts are the same.
 */
EDAS_INLINE int edas_texts_equal(EdasText a, EdasText b) {
  return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/**
 * Writes bytes to a sink, which may be null.
 */
EDAS_INLINE void edas_write(const EdasSink *sink, const void *data, size_t length) {
  if (sink && sink->write) sink->write(sink->context, (const uint8_t *)data, length);
}

/**
 * Says what went wrong: `return edas_fail(error, "the kernel is even");`.
 */
EDAS_INLINE EdasStatus edas_fail(const EdasSink *error, const char *message) {
  edas_write(error, message, strlen(message));
  return EDAS_FAILED;
}

/**
 * As `edas_fail`, with a format as of `printf`; at most 500 bytes.
 */
EDAS_FORMAT(2, 3)
EDAS_INLINE EdasStatus edas_fail_with(const EdasSink *error, const char *format, ...) {
  char message[501];
  va_list rest;
  va_start(rest, format);
  vsnprintf(message, sizeof message, format, rest);
  va_end(rest);
  return edas_fail(error, message);
}

/* Attributes: the named values that layers take. Names, texts and lists must live until the layer was added. */

/**
 * The whole number 0 of a name.
 */
EDAS_INLINE EdasAttribute edas_attribute(const char *name) {
  EdasAttribute a;
  memset(&a, 0, sizeof a);
  a.name = edas_text(name);
  return a;
}

/**
 * A whole number.
 */
EDAS_INLINE EdasAttribute edas_integer(const char *name, int64_t value) {
  EdasAttribute a = edas_attribute(name);
  a.integer = value;
  return a;
}

/**
 * A number.
 */
EDAS_INLINE EdasAttribute edas_number(const char *name, double value) {
  EdasAttribute a = edas_attribute(name);
  a.kind = EDAS_KIND_NUMBER;
  a.number = value;
  return a;
}

/**
 * A truth value.
 */
EDAS_INLINE EdasAttribute edas_boolean(const char *name, int value) {
  EdasAttribute a = edas_attribute(name);
  a.kind = EDAS_KIND_BOOLEAN;
  a.integer = value != 0;
  return a;
}

/**
 * A text.
 */
EDAS_INLINE EdasAttribute edas_word(const char *name, const char *value) {
  EdasAttribute a = edas_attribute(name);
  a.kind = EDAS_KIND_TEXT;
  a.text = edas_text(value);
  return a;
}

/**
 * A list of whole numbers.
 */
EDAS_INLINE EdasAttribute edas_integers(const char *name, const int64_t *values, size_t length) {
  EdasAttribute a = edas_attribute(name);
  a.kind = EDAS_KIND_INTEGERS;
  a.integers = values;
  a.length = length;
  return a;
}

/**
 * A list of numbers.
 */
EDAS_INLINE EdasAttribute edas_numbers(const char *name, const double *values, size_t length) {
  EdasAttribute a = edas_attribute(name);
  a.kind = EDAS_KIND_NUMBERS;
  a.numbers = values;
  a.length = length;
  return a;
}

/* Parameters: what a spec may set. Initialisers of `EdasParameterInfo`, for a static list. */

/**
 * A whole number: `EDAS_INTEGER_PARAMETER("kernel", "height and width, odd", 3, 1, 15)`.
 */
#define EDAS_INTEGER_PARAMETER(name, doc, value, minimum, maximum)                                          \
  {sizeof(EdasParameterInfo),                                                                               \
   {EDAS_TEXT(name), EDAS_KIND_INTEGER, value, 0.0, EDAS_NO_TEXT, NULL, NULL, 0},                           \
   EDAS_TEXT(doc), 0.0, 0.0, minimum, maximum, NULL, 0}

/**
 * A number between two others.
 */
#define EDAS_NUMBER_PARAMETER(name, doc, value, minimum, maximum)                                           \
  {sizeof(EdasParameterInfo),                                                                               \
   {EDAS_TEXT(name), EDAS_KIND_NUMBER, 0, value, EDAS_NO_TEXT, NULL, NULL, 0},                              \
   EDAS_TEXT(doc), minimum, maximum, 0, 0, NULL, 0}

/**
 * A truth value.
 */
#define EDAS_BOOLEAN_PARAMETER(name, doc, value)                                                            \
  {sizeof(EdasParameterInfo),                                                                               \
   {EDAS_TEXT(name), EDAS_KIND_BOOLEAN, value, 0.0, EDAS_NO_TEXT, NULL, NULL, 0},                           \
   EDAS_TEXT(doc), 0.0, 1.0, 0, 0, NULL, 0}

/**
 * One of the words of a static list of `EdasText`; `value` is the literal of one of them.
 */
#define EDAS_WORD_PARAMETER(name, doc, value, words)                                                        \
  {sizeof(EdasParameterInfo),                                                                               \
   {EDAS_TEXT(name), EDAS_KIND_TEXT, 0, 0.0, EDAS_TEXT(value), NULL, NULL, 0},                              \
   EDAS_TEXT(doc), 0.0, 0.0, 0, 0, words, sizeof(words) / sizeof((words)[0])}

/**
 * The value of a parameter by name, or null. Values are those of `EdasArguments`, `EdasPolicyArguments`, or
 * `EdasSearchSpace::write`.
 */
EDAS_INLINE const EdasAttribute *edas_find(const EdasAttribute *values, size_t count, const char *name) {
  size_t i;
  for (i = 0; i < count; ++i) {
    if (edas_text_is(values[i].name, name)) return &values[i];
  }
  return NULL;
}

/**
 * The whole number that an operation was given, or `otherwise` where it has no such parameter.
 */
EDAS_INLINE int64_t edas_argument_integer(const EdasArguments *arguments, const char *name, int64_t otherwise) {
  const EdasAttribute *a = edas_find(arguments->parameters, arguments->parameter_count, name);
  return a && a->kind == EDAS_KIND_INTEGER ? a->integer : otherwise;
}

/**
 * The number that an operation was given.
 */
EDAS_INLINE double edas_argument_number(const EdasArguments *arguments, const char *name, double otherwise) {
  const EdasAttribute *a = edas_find(arguments->parameters, arguments->parameter_count, name);
  if (a && a->kind == EDAS_KIND_INTEGER) return (double)a->integer;
  return a && a->kind == EDAS_KIND_NUMBER ? a->number : otherwise;
}

/**
 * The truth value that an operation was given.
 */
EDAS_INLINE int edas_argument_boolean(const EdasArguments *arguments, const char *name, int otherwise) {
  const EdasAttribute *a = edas_find(arguments->parameters, arguments->parameter_count, name);
  return a && a->kind == EDAS_KIND_BOOLEAN ? a->integer != 0 : otherwise;
}

/**
 * Whether the word that an operation was given is this one.
 */
EDAS_INLINE int edas_argument_is(const EdasArguments *arguments, const char *name, const char *word) {
  const EdasAttribute *a = edas_find(arguments->parameters, arguments->parameter_count, name);
  return a && a->kind == EDAS_KIND_TEXT && edas_text_is(a->text, word);
}

/**
 * The whole number at a position, from 0 in the declared order.
 */
EDAS_INLINE int64_t edas_argument_integer_at(const EdasArguments *arguments, size_t position, int64_t otherwise) {
  return position < arguments->parameter_count ? arguments->parameters[position].integer : otherwise;
}

/**
 * The number at a position.
 */
EDAS_INLINE double edas_argument_number_at(const EdasArguments *arguments, size_t position, double otherwise) {
  return position < arguments->parameter_count ? arguments->parameters[position].number : otherwise;
}

/**
 * Whether batch norm has weights of its own in this form of the network, as is usual: in the final form alone.
 */
EDAS_INLINE int edas_affine(const EdasArguments *arguments) { return arguments->form == EDAS_FORM_FINAL; }

/* Layers. Each takes the builder and values, and returns a value; after a failure it is 0, and the host reports the first. */

/**
 * Adds a layer by name, with any number of outputs.
 */
EDAS_INLINE EdasStatus edas_layer_into(const EdasBuilder *g, const char *kind, const uint64_t *inputs, size_t input_count,
                                       const EdasAttribute *attributes, size_t attribute_count, uint64_t *outputs,
                                       size_t output_count) {
  return g->layer(g->context, edas_text(kind), inputs, input_count, attributes, attribute_count, outputs, output_count);
}

/**
 * Adds a layer by name, with one output.
 */
EDAS_INLINE uint64_t edas_layer(const EdasBuilder *g, const char *kind, const uint64_t *inputs, size_t input_count,
                                const EdasAttribute *attributes, size_t attribute_count) {
  uint64_t output = 0;
  edas_layer_into(g, kind, inputs, input_count, attributes, attribute_count, &output, 1);
  return output;
}

/**
 * The size of a value along a dimension, without the batch: 0 for channels, 1 for height, 2 for width. 0 where it has no such
 * dimension.
 */
EDAS_INLINE int64_t edas_size(const EdasBuilder *g, uint64_t x, size_t dimension) {
  int64_t sizes[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  const int64_t rank = g->shape(g->context, x, sizes, 8);
  return dimension < 8 && (int64_t)dimension < rank ? sizes[dimension] : 0;
}

/**
 * The number of dimensions of a value, without the batch; −1 where it is unknown.
 */
EDAS_INLINE int64_t edas_rank(const EdasBuilder *g, uint64_t x) { return g->shape(g->context, x, NULL, 0); }

/**
 * The channels of a value.
 */
EDAS_INLINE int64_t edas_channels(const EdasBuilder *g, uint64_t x) { return edas_size(g, x, 0); }

/**
 * max(x, 0).
 */
EDAS_INLINE uint64_t edas_relu(const EdasBuilder *g, uint64_t x) { return edas_layer(g, "relu", &x, 1, NULL, 0); }

/**
 * min(max(x, 0), 6).
 */
EDAS_INLINE uint64_t edas_relu6(const EdasBuilder *g, uint64_t x) { return edas_layer(g, "relu6", &x, 1, NULL, 0); }

/**
 * 1 / (1 + e⁻ˣ).
 */
EDAS_INLINE uint64_t edas_sigmoid(const EdasBuilder *g, uint64_t x) { return edas_layer(g, "sigmoid", &x, 1, NULL, 0); }

/**
 * tanh(x).
 */
EDAS_INLINE uint64_t edas_tanh(const EdasBuilder *g, uint64_t x) { return edas_layer(g, "tanh", &x, 1, NULL, 0); }

/**
 * x · sigmoid(x).
 */
EDAS_INLINE uint64_t edas_silu(const EdasBuilder *g, uint64_t x) { return edas_layer(g, "silu", &x, 1, NULL, 0); }

/**
 * x · relu6(x + 3) / 6.
 */
EDAS_INLINE uint64_t edas_hard_swish(const EdasBuilder *g, uint64_t x) {
  return edas_layer(g, "hard_swish", &x, 1, NULL, 0);
}

/**
 * All that a convolution may be told; pairs are (height, width).
 */
typedef struct EdasConv {
  /**
   * Channels that come out.
   */
  int64_t channels;
  int64_t kernel[2];
  int64_t stride[2];
  int64_t padding[2];
  int64_t dilation[2];
  /**
   * Groups of channels that do not mix.
   */
  int64_t groups;
  /**
   * Whether a bias is added.
   */
  int bias;
} EdasConv;

/**
 * A square convolution that keeps the size, to be changed before `edas_conv`.
 */
EDAS_INLINE EdasConv edas_conv_of(int64_t channels, int64_t kernel) {
  EdasConv conv;
  conv.channels = channels;
  conv.kernel[0] = conv.kernel[1] = kernel;
  conv.stride[0] = conv.stride[1] = 1;
  conv.padding[0] = conv.padding[1] = kernel / 2;
  conv.dilation[0] = conv.dilation[1] = 1;
  conv.groups = 1;
  conv.bias = 0;
  return conv;
}

/**
 * A convolution with everything said.
 */
EDAS_INLINE uint64_t edas_conv(const EdasBuilder *g, uint64_t x, EdasConv conv) {
  EdasAttribute attributes[7];
  attributes[0] = edas_integer("channels", conv.channels);
  attributes[1] = edas_integers("kernel", conv.kernel, 2);
  attributes[2] = edas_integers("stride", conv.stride, 2);
  attributes[3] = edas_integers("padding", conv.padding, 2);
  attributes[4] = edas_integers("dilation", conv.dilation, 2);
  attributes[5] = edas_integer("groups", conv.groups);
  attributes[6] = edas_boolean("bias", conv.bias);
  return edas_layer(g, "conv", &x, 1, attributes, 7);
}

/**
 * A square convolution that keeps the size at stride 1, without bias.
 */
EDAS_INLINE uint64_t edas_conv_same(const EdasBuilder *g, uint64_t x, int64_t channels, int64_t kernel, int64_t stride) {
  EdasConv conv = edas_conv_of(channels, kernel);
  conv.stride[0] = conv.stride[1] = stride;
  return edas_conv(g, x, conv);
}

/**
 * A depthwise convolution (one filter per channel) that keeps the size at stride 1, without bias.
 */
EDAS_INLINE uint64_t edas_depthwise(const EdasBuilder *g, uint64_t x, int64_t kernel, int64_t stride, int64_t dilation) {
  EdasConv conv = edas_conv_of(edas_channels(g, x), kernel);
  conv.stride[0] = conv.stride[1] = stride;
  conv.padding[0] = conv.padding[1] = dilation * (kernel - 1) / 2;
  conv.dilation[0] = conv.dilation[1] = dilation;
  conv.groups = conv.channels;
  return edas_conv(g, x, conv);
}

/**
 * A 1×1 convolution without bias.
 */
EDAS_INLINE uint64_t edas_pointwise(const EdasBuilder *g, uint64_t x, int64_t channels) {
  return edas_conv_same(g, x, channels, 1, 1);
}

/**
 * Batch norm, with or without weights of its own (see `edas_affine`).
 */
EDAS_INLINE uint64_t edas_batch_norm(const EdasBuilder *g, uint64_t x, int affine) {
  const EdasAttribute attribute = edas_boolean("affine", affine);
  return edas_layer(g, "batch_norm", &x, 1, &attribute, 1);
}

/**
 * A pool of this kind that keeps the size at stride 1.
 */
EDAS_INLINE uint64_t edas_pool(const EdasBuilder *g, const char *kind, uint64_t x, int64_t kernel, int64_t stride) {
  EdasAttribute attributes[3];
  attributes[0] = edas_integer("kernel", kernel);
  attributes[1] = edas_integer("stride", stride);
  attributes[2] = edas_integer("padding", kernel / 2);
  return edas_layer(g, kind, &x, 1, attributes, 3);
}

/**
 * The maximum of each window; what lies outside the map does not count.
 */
EDAS_INLINE uint64_t edas_max_pool(const EdasBuilder *g, uint64_t x, int64_t kernel, int64_t stride) {
  return edas_pool(g, "max_pool", x, kernel, stride);
}

/**
 * The mean of each window; what lies outside the map does not count.
 */
EDAS_INLINE uint64_t edas_avg_pool(const EdasBuilder *g, uint64_t x, int64_t kernel, int64_t stride) {
  return edas_pool(g, "avg_pool", x, kernel, stride);
}

/**
 * The mean over height and width: (channels, 1, 1).
 */
EDAS_INLINE uint64_t edas_global_avg_pool(const EdasBuilder *g, uint64_t x) {
  return edas_layer(g, "global_avg_pool", &x, 1, NULL, 0);
}

/**
 * A linear map of everything in x to `features` numbers.
 */
EDAS_INLINE uint64_t edas_linear(const EdasBuilder *g, uint64_t x, int64_t features, int bias) {
  EdasAttribute attributes[2];
  attributes[0] = edas_integer("features", features);
  attributes[1] = edas_boolean("bias", bias);
  return edas_layer(g, "linear", &x, 1, attributes, 2);
}

/**
 * a + b; sizes of 1 are stretched.
 */
EDAS_INLINE uint64_t edas_add(const EdasBuilder *g, uint64_t a, uint64_t b) {
  uint64_t inputs[2];
  inputs[0] = a;
  inputs[1] = b;
  return edas_layer(g, "add", inputs, 2, NULL, 0);
}

/**
 * a · b; sizes of 1 are stretched.
 */
EDAS_INLINE uint64_t edas_mul(const EdasBuilder *g, uint64_t a, uint64_t b) {
  uint64_t inputs[2];
  inputs[0] = a;
  inputs[1] = b;
  return edas_layer(g, "mul", inputs, 2, NULL, 0);
}

/**
 * x times a constant.
 */
EDAS_INLINE uint64_t edas_scale(const EdasBuilder *g, uint64_t x, double factor) {
  const EdasAttribute attribute = edas_number("factor", factor);
  return edas_layer(g, "scale", &x, 1, &attribute, 1);
}

/**
 * Values joined along their channels.
 */
EDAS_INLINE uint64_t edas_concat(const EdasBuilder *g, const uint64_t *values, size_t count) {
  return edas_layer(g, "concat", values, count, NULL, 0);
}

/**
 * `length` channels from `start` on.
 */
EDAS_INLINE uint64_t edas_narrow(const EdasBuilder *g, uint64_t x, int64_t start, int64_t length) {
  EdasAttribute attributes[2];
  attributes[0] = edas_integer("start", start);
  attributes[1] = edas_integer("length", length);
  return edas_layer(g, "narrow", &x, 1, attributes, 2);
}

/**
 * Rows and columns of zeros added; negative amounts cut some off.
 */
EDAS_INLINE uint64_t edas_pad(const EdasBuilder *g, uint64_t x, int64_t top, int64_t left, int64_t bottom, int64_t right) {
  EdasAttribute attributes[4];
  attributes[0] = edas_integer("top", top);
  attributes[1] = edas_integer("left", left);
  attributes[2] = edas_integer("bottom", bottom);
  attributes[3] = edas_integer("right", right);
  return edas_layer(g, "pad", &x, 1, attributes, 4);
}

/**
 * Zeros of the shape that x would have after a stride. A graph that returns them costs nothing: the host skips it.
 */
EDAS_INLINE uint64_t edas_zero(const EdasBuilder *g, uint64_t x, int64_t channels, int64_t stride) {
  EdasAttribute attributes[2];
  attributes[0] = edas_integer("channels", channels);
  attributes[1] = edas_integer("stride", stride);
  return edas_layer(g, "zero", &x, 1, attributes, 2);
}

/**
 * Any ATen operator by its schema name, with one output: `edas_aten(g, "softplus", "", &x, 1, NULL, 0)`. At most 30 attributes.
 */
EDAS_INLINE uint64_t edas_aten(const EdasBuilder *g, const char *operator_name, const char *overload,
                               const uint64_t *inputs, size_t input_count, const EdasAttribute *attributes,
                               size_t attribute_count) {
  EdasAttribute all[32];
  size_t i;
  if (attribute_count > 30) return 0;
  all[0] = edas_word("operator", operator_name);
  all[1] = edas_word("overload", overload);
  for (i = 0; i < attribute_count; ++i) all[2 + i] = attributes[i];
  return edas_layer(g, "aten", inputs, input_count, all, attribute_count + 2);
}

/**
 * A weight that training moves. `start` is `"uniform"` (between −a and a), `"normal"` (standard deviation a) or `"constant"`.
 */
EDAS_INLINE uint64_t edas_parameter(const EdasBuilder *g, const char *name, const int64_t *sizes, size_t rank,
                                    const char *start, double a) {
  const EdasAttribute attribute = edas_number(start, a);
  return g->parameter(g->context, edas_text(name), sizes, rank, &attribute, 1);
}

/**
 * A tensor that training does not move.
 */
EDAS_INLINE uint64_t edas_buffer(const EdasBuilder *g, const char *name, const int64_t *sizes, size_t rank,
                                 const char *start, double a) {
  const EdasAttribute attribute = edas_number(start, a);
  return g->buffer(g->context, edas_text(name), sizes, rank, &attribute, 1);
}

/* Kernels and native layers. */

/**
 * A list of sizes as a shape.
 */
EDAS_INLINE EdasShape edas_shape(const int64_t *sizes, size_t rank) {
  EdasShape shape;
  shape.sizes = sizes;
  shape.rank = rank;
  return shape;
}

/**
 * What a kernel returns or saves: with a batch, of the call's dtype.
 */
EDAS_INLINE EdasKernelTensor edas_kernel_tensor(const int64_t *sizes, size_t rank) {
  EdasKernelTensor tensor;
  tensor.sizes = sizes;
  tensor.rank = rank;
  tensor.dtype = 0;
  tensor.batched = 1;
  return tensor;
}

/**
 * A kernel to be filled in: 32-bit, contiguous, on the processor, with this one output.
 */
EDAS_INLINE EdasKernel edas_kernel(const char *name, const EdasKernelTensor *output) {
  EdasKernel kernel;
  memset(&kernel, 0, sizeof kernel);
  kernel.size = sizeof kernel;
  kernel.name = edas_text(name);
  kernel.dtypes = EDAS_DTYPE_FLOAT32;
  kernel.layouts = EDAS_LAYOUT_CONTIGUOUS;
  kernel.devices = EDAS_DEVICE_CPU;
  kernel.outputs = output;
  kernel.output_count = 1;
  return kernel;
}

/**
 * Adds a kernel with one output as a layer.
 */
EDAS_INLINE uint64_t edas_add_kernel(const EdasBuilder *g, const uint64_t *inputs, size_t input_count,
                                     const EdasKernel *kernel) {
  uint64_t output = 0;
  g->kernel(g->context, inputs, input_count, kernel, &output, 1);
  return output;
}

/**
 * Whether a kernel is asked for the gradient of an input.
 */
EDAS_INLINE int edas_wants(const EdasKernelCall *call, size_t input) { return (int)(call->wanted >> input & 1); }

/**
 * A native layer to be filled in, with this one output. `libtorch` is the version that the plugin was built with
 * (`TORCH_VERSION`).
 */
EDAS_INLINE EdasNative edas_native(const char *name, const char *libtorch, const EdasShape *output) {
  EdasNative native;
  memset(&native, 0, sizeof native);
  native.size = sizeof native;
  native.name = edas_text(name);
  native.libtorch = edas_text(libtorch);
  native.outputs = output;
  native.output_count = 1;
  return native;
}

/**
 * Adds a native layer with one output.
 */
EDAS_INLINE uint64_t edas_add_native(const EdasBuilder *g, const uint64_t *inputs, size_t input_count,
                                     const EdasNative *native) {
  uint64_t output = 0;
  g->native(g->context, inputs, input_count, native, &output, 1);
  return output;
}

/* Op sets. */

/**
 * Builds an operation from `x[0]`, … into `y[0]`, …. The numbers of both are those of the operation.
 */
typedef EdasStatus (*EdasBuildOperation)(const EdasArguments *op, const EdasBuilder *g, const uint64_t *x, uint64_t *y,
                                         const EdasSink *error);

/**
 * An operation, for `EDAS_DEFINE_OP_SET`.
 */
typedef struct EdasOperation {
  EdasText name;
  EdasText doc;
  size_t inputs;
  size_t outputs;
  const EdasParameterInfo *parameters;
  size_t parameter_count;
  EdasBuildOperation build;
} EdasOperation;

/**
 * An operation with one input, one output and no parameters, as candidates of an edge are.
 */
#define EDAS_CANDIDATE(name, doc, build) {EDAS_TEXT(name), EDAS_TEXT(doc), 1, 1, NULL, 0, build}

/**
 * As `EDAS_CANDIDATE`, with a static list of parameters.
 */
#define EDAS_CANDIDATE_WITH(name, doc, build, parameters) \
  {EDAS_TEXT(name), EDAS_TEXT(doc), 1, 1, parameters, sizeof(parameters) / sizeof((parameters)[0]), build}

/**
 * As `EdasOpSet::describe`, of a list of operations.
 */
EDAS_INLINE EdasStatus edas_describe_operation(const EdasOperation *list, size_t count, size_t operation,
                                               EdasOperationInfo *info) {
  if (operation >= count || !info) return EDAS_FAILED;
  info->name = list[operation].name;
  info->doc = list[operation].doc;
  info->inputs = list[operation].inputs;
  info->outputs = list[operation].outputs;
  info->parameter_count = list[operation].parameter_count;
  return EDAS_OK;
}

/**
 * As `describe_parameter` of a table, of a list of parameters.
 */
EDAS_INLINE EdasStatus edas_describe_parameter(const EdasParameterInfo *list, size_t count, size_t parameter,
                                               EdasParameterInfo *info) {
  size_t size;
  if (parameter >= count || !info) return EDAS_FAILED;
  size = info->size;
  *info = list[parameter];
  info->size = size;
  return EDAS_OK;
}

/**
 * As `EdasOpSet::build`, of a list of operations.
 */
EDAS_INLINE EdasStatus edas_build_operation(const EdasOperation *list, size_t count, size_t operation,
                                            const EdasArguments *arguments, const EdasBuilder *builder,
                                            const uint64_t *inputs, size_t input_count, uint64_t *outputs,
                                            size_t output_count, const EdasSink *error) {
  if (operation >= count) return edas_fail(error, "there is no operation of this number");
  if (input_count != list[operation].inputs || output_count != list[operation].outputs) {
    return edas_fail(error, "another number of inputs or outputs was passed than is declared");
  }
  return list[operation].build(arguments, builder, inputs, outputs, error);
}

/**
 * Defines the table `table` of an op set from a static list of operations.
 */
#define EDAS_DEFINE_OP_SET(table, operations)                                                                          \
  static size_t table##_count(void) { return sizeof(operations) / sizeof((operations)[0]); }                           \
  static EdasStatus table##_describe(size_t operation, EdasOperationInfo *info) {                                      \
    return edas_describe_operation(operations, table##_count(), operation, info);                                      \
  }                                                                                                                    \
  static EdasStatus table##_describe_parameter(size_t operation, size_t parameter, EdasParameterInfo *info) {          \
    if (operation >= table##_count()) return EDAS_FAILED;                                                              \
    return edas_describe_parameter((operations)[operation].parameters, (operations)[operation].parameter_count,        \
                                   parameter, info);                                                                   \
  }                                                                                                                    \
  static EdasStatus table##_build(size_t operation, const EdasArguments *arguments, const EdasBuilder *builder,        \
                                  const uint64_t *inputs, size_t input_count, uint64_t *outputs, size_t output_count,  \
                                  const EdasSink *error) {                                                             \
    return edas_build_operation(operations, table##_count(), operation, arguments, builder, inputs, input_count,       \
                                outputs, output_count, error);                                                         \
  }                                                                                                                    \
  static const EdasOpSet table = {sizeof(EdasOpSet), table##_count, table##_describe, table##_describe_parameter,      \
                                  table##_build};

/* What the host offers. `host` is what `init` was given, or null where it was not called. */

/**
 * The table of a host extension, or null.
 */
EDAS_INLINE const void *edas_extension(const EdasHost *host, const char *id) {
  return host && host->get_extension ? host->get_extension(edas_text(id)) : NULL;
}

/**
 * Writes a message to the user's log. `severity` is `EDAS_SEVERITY_ERROR` and so on. Any thread.
 */
EDAS_INLINE void edas_log(const EdasHost *host, uint32_t severity, const char *message) {
  const EdasLog *log = (const EdasLog *)edas_extension(host, EDAS_HOST_LOG);
  if (log && log->write) log->write(severity, edas_text(message));
}

/**
 * The table for draws from a stream that the host handed over, or null.
 */
EDAS_INLINE const EdasRandom *edas_random(const EdasHost *host) {
  return (const EdasRandom *)edas_extension(host, EDAS_HOST_RANDOM);
}

/**
 * The table for models of a policy, or null.
 */
EDAS_INLINE const EdasModel *edas_model(const EdasHost *host) {
  return (const EdasModel *)edas_extension(host, EDAS_HOST_MODEL);
}

/**
 * Whether the run that this thread works for is to end: what takes long asks now and then, and fails.
 */
EDAS_INLINE int edas_cancelled(const EdasHost *host) {
  const EdasCancel *cancel = (const EdasCancel *)edas_extension(host, EDAS_HOST_CANCEL);
  return cancel && cancel->requested && cancel->requested() != 0;
}

/**
 * The number of threads that the host computes with. Any thread.
 */
EDAS_INLINE size_t edas_threads(const EdasHost *host) {
  const EdasParallel *parallel = (const EdasParallel *)edas_extension(host, EDAS_HOST_PARALLEL);
  return parallel && parallel->threads ? parallel->threads() : 1;
}

/**
 * Runs `body` over the numbers below `count` in parts of at least `grain`, on the host's threads; on this one where the host
 * offers none. Which thread gets which part is not said: the result must not depend on it. Any thread.
 */
EDAS_INLINE EdasStatus edas_parallel(const EdasHost *host, size_t count, size_t grain, EdasLoopBody body, void *context,
                                     const EdasSink *error) {
  const EdasParallel *parallel = (const EdasParallel *)edas_extension(host, EDAS_HOST_PARALLEL);
  if (parallel && parallel->run) return parallel->run(count, grain, body, context, error);
  if (count > 0) body(context, 0, count);
  return EDAS_OK;
}

/**
 * The version of the host's libtorch (`2.13.0`), or no text where it does not say.
 */
EDAS_INLINE EdasText edas_libtorch(const EdasHost *host) {
  const EdasLibtorch *libtorch = (const EdasLibtorch *)edas_extension(host, EDAS_HOST_LIBTORCH);
  return libtorch ? libtorch->version : edas_text("");
}

/* Policies. A plan after a failure is 0, and the host reports the first failure. */

/**
 * A plan in which every edge runs its strongest candidate.
 */
EDAS_INLINE uint64_t edas_strongest(const EdasPlanner *planner) { return planner->plan(planner->context); }

/**
 * Sets the gate of an edge, or of `EDAS_ALL_EDGES`: `strongest`, `only`, `relaxed`, `straight_through` or `off`. No candidates
 * stand for all.
 */
EDAS_INLINE void edas_gate(const EdasPlanner *planner, uint64_t plan, size_t edge, const char *kind,
                           const size_t *candidates, size_t candidate_count) {
  planner->gate(planner->context, plan, edge, edas_text(kind), candidates, candidate_count);
}

/**
 * Relaxes an edge, or `EDAS_ALL_EDGES`, over all candidates.
 */
EDAS_INLINE void edas_relax(const EdasPlanner *planner, uint64_t plan, size_t edge) {
  edas_gate(planner, plan, edge, "relaxed", NULL, 0);
}

/**
 * The edge runs this candidate.
 */
EDAS_INLINE void edas_only(const EdasPlanner *planner, uint64_t plan, size_t edge, size_t candidate) {
  edas_gate(planner, plan, edge, "only", &candidate, 1);
}

/**
 * Sets something of a plan: `edas_set(planner, plan, EDAS_ALL_EDGES, edas_integer("sign", -1))`.
 */
EDAS_INLINE void edas_set(const EdasPlanner *planner, uint64_t plan, size_t edge, EdasAttribute setting) {
  planner->set(planner->context, plan, edge, &setting);
}

/**
 * The output is that of one candidate, the active one: the one for which sign * alpha + noise is largest. Alpha gets the
 * gradient of a relaxed edge over these candidates, for which all of them are computed; none stand for all.
 */
EDAS_INLINE void edas_straight_through(const EdasPlanner *planner, uint64_t plan, size_t edge, const size_t *candidates,
                                       size_t candidate_count) {
  edas_gate(planner, plan, edge, "straight_through", candidates, candidate_count);
}

/**
 * The same with an active candidate, which is one of them.
 */
EDAS_INLINE void edas_straight_through_among(const EdasPlanner *planner, uint64_t plan, size_t edge,
                                             const size_t *candidates, size_t candidate_count, size_t active) {
  edas_straight_through(planner, plan, edge, candidates, candidate_count);
  edas_set(planner, plan, edge, edas_integer("active", (int64_t)active));
}

/**
 * Of a straight-through gate that was set before: the active candidate alone is computed, and alpha gets the gradient that its
 * own share of the softmax has.
 */
EDAS_INLINE void edas_active_only(const EdasPlanner *planner, uint64_t plan, size_t edge) {
  edas_set(planner, plan, edge, edas_boolean("active_only", 1));
}

/**
 * -alpha in place of alpha, or not, on an edge or on `EDAS_ALL_EDGES`. What is set for an edge wins.
 */
EDAS_INLINE void edas_invert(const EdasPlanner *planner, uint64_t plan, size_t edge, int inverted) {
  edas_set(planner, plan, edge, edas_integer("sign", inverted ? -1 : 1));
}

/**
 * The temperature of the softmax of an edge, or of `EDAS_ALL_EDGES`; at least 0.000001.
 */
EDAS_INLINE void edas_temperature(const EdasPlanner *planner, uint64_t plan, size_t edge, double temperature) {
  edas_set(planner, plan, edge, edas_number("temperature", temperature));
}

/**
 * Gumbel noise within the softmax of an edge, or of `EDAS_ALL_EDGES`. It is drawn when the plan is resolved, by edge, then
 * candidate, from this seed, which has to be drawn anew in every turn: `random->index(turn->random, UINT64_MAX)`.
 */
EDAS_INLINE void edas_gumbel(const EdasPlanner *planner, uint64_t plan, size_t edge, uint64_t seed) {
  edas_set(planner, plan, edge, edas_integer("gumbel", (int64_t)seed));
}

/**
 * Adds these numbers, one per candidate, within the softmax of one edge.
 */
EDAS_INLINE void edas_noise(const EdasPlanner *planner, uint64_t plan, size_t edge, const double *values, size_t count) {
  edas_set(planner, plan, edge, edas_numbers("noise", values, count));
}

/**
 * The probability, one per candidate of an edge, with which an example's output of it is left out in training; what remains is
 * divided by 1 - probability.
 */
EDAS_INLINE void edas_drop(const EdasPlanner *planner, uint64_t plan, size_t edge, const double *probabilities,
                           size_t count) {
  edas_set(planner, plan, edge, edas_numbers("drop", probabilities, count));
}

/**
 * Adds costs * softmax(alpha), with one cost per candidate of an edge, to the loss of the architecture phase. Costs of several
 * calls add up.
 */
EDAS_INLINE void edas_penalise(const EdasPlanner *planner, uint64_t plan, size_t edge, const double *costs, size_t count) {
  edas_set(planner, plan, edge, edas_numbers("penalty", costs, count));
}

/**
 * Alpha of an edge becomes these numbers, one per candidate, before the plan is resolved, and stays so.
 */
EDAS_INLINE void edas_set_alpha(const EdasPlanner *planner, uint64_t plan, size_t edge, const double *values,
                                size_t count) {
  edas_set(planner, plan, edge, edas_numbers("alpha", values, count));
}

/**
 * Adds a step under a plan as it is now. `phase` is `EDAS_PHASE_BOTH` and so on.
 */
EDAS_INLINE void edas_step(const EdasPlanner *planner, uint32_t phase, uint64_t plan) {
  planner->step(planner->context, phase, plan);
}

/* Answers to the end of an epoch. */

/**
 * The search ends here.
 */
EDAS_INLINE void edas_stop(const EdasEpochAnswer *answer) {
  const EdasAttribute stop = edas_boolean("stop", 1);
  answer->set(answer->context, &stop);
}

/**
 * An edge keeps some of its candidates; the others are gone for good, and their alpha is seen as -INFINITY. The numbers of those
 * that stay do not change. `list` is the edge, then the candidates that it keeps; `length` counts the edge too.
 */
EDAS_INLINE void edas_keep(const EdasEpochAnswer *answer, const int64_t *list, size_t length) {
  const EdasAttribute keep = edas_integers("keep", list, length);
  answer->set(answer->context, &keep);
}

/**
 * Puts all weights back to where they started, and forgets the optimizer's momentum.
 */
EDAS_INLINE void edas_reset_weights(const EdasEpochAnswer *answer) {
  const EdasAttribute reset = edas_boolean("reset_weights", 1);
  answer->set(answer->context, &reset);
}

#endif /* EDAS_PLUGIN_HELPERS_H */
