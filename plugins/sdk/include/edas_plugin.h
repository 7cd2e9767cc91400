/* The plugin interface of edas: plain C tables. Made by `cargo x header` from plugins/sdk/src/abi; not edited by hand.
 *
 * A plugin exports one symbol, `edas_plugin_entry`, an EdasEntry; helpers for C and C++ are at the end.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef EDAS_PLUGIN_H
#define EDAS_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

/* The ids of extensions. */
#define EDAS_OP_SET "edas.op-set/1"
#define EDAS_SEARCH_SPACE "edas.search-space/1"
#define EDAS_POLICY "edas.policy/1"
#define EDAS_HOST_LOG "edas.host.log/1"
#define EDAS_HOST_RANDOM "edas.host.random/1"
#define EDAS_HOST_PARALLEL "edas.host.parallel/1"
#define EDAS_HOST_CANCEL "edas.host.cancel/1"
#define EDAS_HOST_LIBTORCH "edas.host.libtorch/1"
#define EDAS_HOST_MODEL "edas.host.model/1"

typedef struct EdasOwner EdasOwner;
typedef struct EdasRandomStream EdasRandomStream;
struct EdasBuilder;

/**
 * The major version: libraries of another one are refused.
 */
#define EDAS_ABI_MAJOR 1

/**
 * The minor version: it grows when extension ids are added. A host accepts lower and higher ones.
 */
#define EDAS_ABI_MINOR 0

/**
 * Something failed.
 */
#define EDAS_SEVERITY_ERROR 0

/**
 * Something looks wrong.
 */
#define EDAS_SEVERITY_WARNING 1

/**
 * Something worth knowing.
 */
#define EDAS_SEVERITY_INFORMATION 2

/**
 * A detail.
 */
#define EDAS_SEVERITY_DETAIL 3

/**
 * A detail of details.
 */
#define EDAS_SEVERITY_TRACE 4

/**
 * 32-bit floating point.
 */
#define EDAS_DTYPE_FLOAT32 1

/**
 * 64-bit floating point.
 */
#define EDAS_DTYPE_FLOAT64 2

/**
 * 64-bit whole numbers; only of what a kernel saves.
 */
#define EDAS_DTYPE_INT64 4

/**
 * Bytes; only of what a kernel saves.
 */
#define EDAS_DTYPE_UINT8 8

/**
 * Batch norm and the like use the statistics of the batch; running ones move.
 */
#define EDAS_MODE_TRAIN 0

/**
 * They use the statistics of the batch; running ones stay.
 */
#define EDAS_MODE_BATCH 1

/**
 * They use the running statistics.
 */
#define EDAS_MODE_RUNNING 2

/**
 * They use the statistics of the batch; running ones become the mean over batches.
 */
#define EDAS_MODE_RECALIBRATE 3

/**
 * Elements in the order of the sizes, the last one fastest.
 */
#define EDAS_LAYOUT_CONTIGUOUS 1

/**
 * Of a (batch, channels, height, width) map: channels fastest, then width, then height.
 */
#define EDAS_LAYOUT_CHANNELS_LAST 2

/**
 * The host's processor.
 */
#define EDAS_DEVICE_CPU 1

/**
 * A GPU; buffers are device pointers, and the kernel computes on the stream of the call.
 */
#define EDAS_DEVICE_CUDA 2

/**
 * The supernet, and the derived network with the supernet's weights.
 */
#define EDAS_FORM_SEARCH 0

/**
 * The derived network that is trained from scratch.
 */
#define EDAS_FORM_FINAL 1

/**
 * A step that updates α on the search split.
 */
#define EDAS_PHASE_ARCHITECTURE 0

/**
 * A step that updates weights on the train split.
 */
#define EDAS_PHASE_WEIGHTS 1

/**
 * A step that only looks, at a batch of the search split.
 */
#define EDAS_PHASE_MEASURE 2

/**
 * One plan for an architecture step and then a weights step, resolved once; the only answer then.
 */
#define EDAS_PHASE_BOTH 3



/**
 * `integer` holds the value.
 */
#define EDAS_KIND_INTEGER 0

/**
 * `number` holds the value.
 */
#define EDAS_KIND_NUMBER 1

/**
 * `integer` holds the value, 0 or 1.
 */
#define EDAS_KIND_BOOLEAN 2

/**
 * `text` holds the value.
 */
#define EDAS_KIND_TEXT 3

/**
 * `integers` and `length` hold the values.
 */
#define EDAS_KIND_INTEGERS 4

/**
 * `numbers` and `length` hold the values.
 */
#define EDAS_KIND_NUMBERS 5

/**
 * How a call ended.
 */
typedef int32_t EdasStatus;

/**
 * UTF-8 text with a length.
 */
typedef struct EdasText {
  /**
   * The first byte; may be null where the length is 0.
   */
  const uint8_t *data;
  /**
   * The number of bytes.
   */
  size_t length;
} EdasText;

/**
 * What the host offers to a plugin. It lives as long as the process.
 */
typedef struct EdasHost {
  /**
   * The host's `ABI_MAJOR`.
   */
  uint32_t abi_major;
  /**
   * The host's `ABI_MINOR`.
   */
  uint32_t abi_minor;
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The host's name.
   */
  struct EdasText name;
  /**
   * The host's version.
   */
  struct EdasText version;
  /**
   * The table of a host extension, or null where the host lacks it. Tables live as long as the process. Any thread.
   */
  const void *(*get_extension)(struct EdasText id);
} EdasHost;

/**
 * A place that takes text or state from the other side. May be written to more than once; the pieces are joined.
 */
typedef struct EdasSink {
  /**
   * Handed back to `write`.
   */
  void *context;
  /**
   * Takes a piece, valid until it returns: UTF-8 where text is asked for (it may be cut within a character), any bytes
   * where state is. Thread: the one that was given the sink, before the call that was given it returns.
   */
  void (*write)(void *context, const uint8_t *data, size_t length);
} EdasSink;

/**
 * What a library exports under `ENTRY_SYMBOL`.
 */
typedef struct EdasEntry {
  /**
   * `ABI_MAJOR` as the library was built. Checked before anything else is read.
   */
  uint32_t abi_major;
  /**
   * `ABI_MINOR` as the library was built.
   */
  uint32_t abi_minor;
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The plugin's name, as specs write it: `darts-ops`.
   */
  struct EdasText name;
  /**
   * The plugin's version.
   */
  struct EdasText version;
  /**
   * One line about the plugin.
   */
  struct EdasText description;
  /**
   * Called once per process, before everything else. The host's table lives as long as the process.
   * May be null. Thread: the one that loads the library.
   */
  EdasStatus (*init)(const struct EdasHost *host, const struct EdasSink *error);
  /**
   * Called when the process ends in order, if at all. May be null. Thread: the one that ends the process.
   */
  void (*deinit)(void);
  /**
   * The table of an extension (`OP_SET`, `SEARCH_SPACE`, `POLICY`), or null where the plugin lacks it. Tables live as long
   * as the library. Must not be null. Any thread.
   */
  const void *(*get_extension)(struct EdasText id);
} EdasEntry;

/**
 * What an operation is called and takes. Filled in by `OpSet::describe`.
 */
typedef struct EdasOperationInfo {
  /**
   * The size of this table in bytes, set by the caller.
   */
  size_t size;
  /**
   * The name, as specs write it. Lives as long as the library.
   */
  struct EdasText name;
  /**
   * What it computes, for people. Lives as long as the library.
   */
  struct EdasText doc;
  /**
   * The number of values that it takes.
   */
  size_t inputs;
  /**
   * The number of values that it returns.
   */
  size_t outputs;
  /**
   * The number of its parameters.
   */
  size_t parameter_count;
} EdasOperationInfo;

/**
 * A named value: an attribute of a layer, or a parameter of an operation, space or policy.
 */
typedef struct EdasAttribute {
  /**
   * The name.
   */
  struct EdasText name;
  /**
   * One of the kinds: `KIND_INTEGER` and so on.
   */
  uint32_t kind;
  /**
   * The value of a whole number or a truth value.
   */
  int64_t integer;
  /**
   * The value of a number.
   */
  double number;
  /**
   * The value of a text.
   */
  struct EdasText text;
  /**
   * The values of a list of whole numbers.
   */
  const int64_t *integers;
  /**
   * The values of a list of numbers.
   */
  const double *numbers;
  /**
   * The length of the list.
   */
  size_t length;
} EdasAttribute;

/**
 * What a parameter of an operation, space or policy may be. Filled in by the plugin's `describe_parameter`.
 */
typedef struct EdasParameterInfo {
  /**
   * The size of this table in bytes, set by the caller.
   */
  size_t size;
  /**
   * Name, kind and default value: a whole number, a number, a truth value, or a word (a text).
   */
  struct EdasAttribute default_value;
  /**
   * What it means, for people. Lives as long as the library.
   */
  struct EdasText doc;
  /**
   * The lowest value of a number (included).
   */
  double minimum;
  /**
   * The highest value of a number (included).
   */
  double maximum;
  /**
   * The lowest value of a whole number (included).
   */
  int64_t least;
  /**
   * The highest value of a whole number (included).
   */
  int64_t most;
  /**
   * The words that a text may be. They live as long as the library.
   */
  const struct EdasText *words;
  /**
   * Their number.
   */
  size_t word_count;
} EdasParameterInfo;

/**
 * What the host asks of an operation.
 */
typedef struct EdasArguments {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * Channels of the first input.
   */
  int64_t channels_in;
  /**
   * Channels that the output must have.
   */
  int64_t channels_out;
  /**
   * The factor by which height and width shrink (rounded up).
   */
  int64_t stride;
  /**
   * `FORM_SEARCH` or `FORM_FINAL`.
   */
  uint32_t form;
  /**
   * Classes of the data set, for heads.
   */
  int64_t classes;
  /**
   * One value per declared parameter, in the declared order, defaults filled in.
   */
  const struct EdasAttribute *parameters;
  /**
   * Their number.
   */
  size_t parameter_count;
} EdasArguments;

/**
 * A tensor that a kernel returns or saves.
 */
typedef struct EdasKernelTensor {
  /**
   * The sizes, without the batch.
   */
  const int64_t *sizes;
  /**
   * Their number.
   */
  size_t rank;
  /**
   * What it holds: 0 for the dtype of the call (always for outputs), or one of the dtypes.
   */
  uint32_t dtype;
  /**
   * Whether it has the batch in front: 0 or 1.
   */
  uint32_t batched;
} EdasKernelTensor;

/**
 * Memory that a kernel reads or writes. It is aligned to its elements; more is not said.
 */
typedef struct EdasBuffer {
  /**
   * The first element; null where a gradient is not wanted.
   */
  void *data;
  /**
   * The sizes: with the batch in front for values, without it for weights and buffers of the graph.
   */
  const int64_t *sizes;
  /**
   * The distance of neighbours along each dimension, in elements.
   */
  const int64_t *strides;
  /**
   * The number of dimensions.
   */
  size_t rank;
  /**
   * What it holds: `DTYPE_FLOAT32` and so on.
   */
  uint32_t dtype;
} EdasBuffer;

/**
 * One call of a kernel. All buffers but what is saved are of one dtype; all are on one device; values are all in one layout.
 * Buffers that are written hold undefined numbers before.
 */
typedef struct EdasKernelCall {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The number of examples.
   */
  int64_t batch;
  /**
   * One of the kernel's dtypes.
   */
  uint32_t dtype;
  /**
   * One of the kernel's layouts. Weights and buffers of the graph are always contiguous.
   */
  uint32_t layout;
  /**
   * One of the kernel's devices.
   */
  uint32_t device;
  /**
   * Which of the devices of this kind, from 0.
   */
  int32_t device_index;
  /**
   * In which mode the network runs: `MODE_TRAIN` and so on. A kernel cannot change the graph's buffers.
   */
  uint32_t mode;
  /**
   * What the layer takes. In the backward only where the kernel says `keeps_inputs`, otherwise null data.
   */
  const struct EdasBuffer *inputs;
  /**
   * Their number.
   */
  size_t input_count;
  /**
   * What the layer returns: written by the forward, read by the backward where the kernel says `keeps_outputs`, otherwise
   * null data there.
   */
  const struct EdasBuffer *outputs;
  /**
   * Their number.
   */
  size_t output_count;
  /**
   * What the kernel saves: written by the forward, read by the backward.
   */
  const struct EdasBuffer *saved;
  /**
   * Their number.
   */
  size_t saved_count;
  /**
   * The gradients of the outputs; only in the backward.
   */
  const struct EdasBuffer *output_gradients;
  /**
   * The gradients of the inputs, written by the backward where they are wanted; data is null elsewhere.
   */
  const struct EdasBuffer *input_gradients;
  /**
   * Which gradients are wanted: bit k for input k. In the forward: whether a backward may follow for it.
   */
  uint64_t wanted;
  /**
   * Memory to work in, aligned to 64 bytes.
   */
  void *scratch;
  /**
   * Its size in bytes.
   */
  size_t scratch_size;
  /**
   * The CUDA stream to compute on, where the device is one; null stands for the default stream.
   */
  void *stream;
} EdasKernelCall;

/**
 * A forward or backward of a kernel.
 */
typedef EdasStatus (*EdasKernelFunction)(void *user_data,
                                         const struct EdasKernelCall *call,
                                         const struct EdasSink *error);

/**
 * A layer that is computed by functions of the plugin's own. The host makes it into one node of libtorch's autograd. It
 * can be differentiated once; where it cannot serve (another dtype or device, second derivatives, tracing, export) its
 * reference graph does, and without one the host refuses.
 */
typedef struct EdasKernel {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * Its name, for messages and the text form of graphs.
   */
  struct EdasText name;
  /**
   * Which dtypes it takes: `DTYPE_FLOAT32` and `DTYPE_FLOAT64`, added.
   */
  uint32_t dtypes;
  /**
   * Which layouts it takes: `LAYOUT_CONTIGUOUS` and `LAYOUT_CHANNELS_LAST`, added.
   */
  uint32_t layouts;
  /**
   * On which devices it runs: `DEVICE_CPU` and `DEVICE_CUDA`, added.
   */
  uint32_t devices;
  /**
   * Whether the backward reads the inputs: 0 or 1.
   */
  uint32_t keeps_inputs;
  /**
   * Whether the backward reads the outputs: 0 or 1.
   */
  uint32_t keeps_outputs;
  /**
   * The outputs. One without a batch is a value like a weight or buffer.
   */
  const struct EdasKernelTensor *outputs;
  /**
   * Their number.
   */
  size_t output_count;
  /**
   * What it saves for the backward.
   */
  const struct EdasKernelTensor *saved;
  /**
   * Their number.
   */
  size_t saved_count;
  /**
   * Bytes that it needs to work in, whatever the batch.
   */
  size_t scratch;
  /**
   * Bytes that it needs to work in, for each example.
   */
  size_t scratch_per_example;
  /**
   * Multiply-adds for one example, for the cost of the network.
   */
  int64_t multiply_adds;
  /**
   * Writes the outputs, and what is saved. Must not be null. Any thread.
   */
  EdasKernelFunction forward;
  /**
   * Writes the gradients that are wanted. Null where it has none: then it cannot be trained through. Any thread.
   */
  EdasKernelFunction backward;
  /**
   * Builds the reference graph: what the kernel computes, from layers. The inputs are those of the kernel, in its order.
   * May be null. Called once, before the call of `Builder::kernel` returns, on the same thread.
   */
  EdasStatus (*reference)(void *user_data,
                          const struct EdasBuilder *builder,
                          const uint64_t *inputs,
                          size_t input_count,
                          uint64_t *outputs,
                          size_t output_count,
                          const struct EdasSink *error);
  /**
   * Frees `user_data`, when the graph and all that was computed with it are gone. May be null. Any thread.
   */
  void (*destroy)(void *user_data);
  /**
   * Handed to every function. Several threads may use it at once.
   */
  void *user_data;
} EdasKernel;

/**
 * The sizes of a tensor.
 */
typedef struct EdasShape {
  /**
   * The sizes.
   */
  const int64_t *sizes;
  /**
   * Their number.
   */
  size_t rank;
} EdasShape;

/**
 * A layer that computes on libtorch's own tensors, for plugins in C++ that link libtorch. Its gradients are libtorch's.
 */
typedef struct EdasNative {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * Its name, for messages and the text form of graphs.
   */
  struct EdasText name;
  /**
   * The version of libtorch that the plugin was built with (`TORCH_VERSION`): another than the host's is refused.
   */
  struct EdasText libtorch;
  /**
   * The shapes of the outputs, without the batch.
   */
  const struct EdasShape *outputs;
  /**
   * Their number.
   */
  size_t output_count;
  /**
   * Multiply-adds for one example, for the cost of the network.
   */
  int64_t multiply_adds;
  /**
   * Computes. `inputs` points to `at::Tensor*`s that are only read: (batch, …) for values, without the batch for
   * weights and buffers. `outputs` points to `at::Tensor*`s, undefined tensors that the function assigns. It must not use
   * libtorch's random numbers. Must not be null. Any thread.
   */
  EdasStatus (*forward)(void *user_data,
                        const void *const *inputs,
                        size_t input_count,
                        void *const *outputs,
                        size_t output_count,
                        const struct EdasSink *error);
  /**
   * Frees `user_data`, when the graph is gone. May be null. Any thread.
   */
  void (*destroy)(void *user_data);
  /**
   * Handed to every function. Several threads may use it at once.
   */
  void *user_data;
} EdasNative;

/**
 * How the host takes a layer graph. Values are numbers that carry their graph's: one of another graph is found out. Errors
 * stick: after the first, every call returns the value 0 (or `FAILED`), and the host reports that first error when the call
 * that was given the table returns; so results need not be checked one by one.
 *
 * Thread: the one that was given the table, until that call returns.
 */
typedef struct EdasBuilder {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * Handed back to every function.
   */
  void *context;
  /**
   * Adds a layer of the named kind; writes its output values. Layers and their attributes are listed in
   * `plugins/README.md`. The kind `aten` is any ATen operator by its schema name (attributes `operator`, `overload`, and
   * the operator's own arguments by their names; its tensors are the inputs, in order).
   */
  EdasStatus (*layer)(void *context,
                      struct EdasText kind,
                      const uint64_t *inputs,
                      size_t input_count,
                      const struct EdasAttribute *attributes,
                      size_t attribute_count,
                      uint64_t *outputs,
                      size_t output_count);
  /**
   * Adds a weight that training moves, and returns its value. Its attributes say how it starts, one of: `uniform` (a number
   * a: between −a and a), `normal` (the standard deviation around 0), `constant` (every element).
   */
  uint64_t (*parameter)(void *context,
                        struct EdasText name,
                        const int64_t *sizes,
                        size_t rank,
                        const struct EdasAttribute *attributes,
                        size_t attribute_count);
  /**
   * Adds a tensor that training does not move, and returns its value; otherwise as `parameter`.
   */
  uint64_t (*buffer)(void *context,
                     struct EdasText name,
                     const int64_t *sizes,
                     size_t rank,
                     const struct EdasAttribute *attributes,
                     size_t attribute_count);
  /**
   * Writes at most `capacity` sizes of a value's shape, without the batch (channels, height, width), and returns its
   * rank; −1 where the value is unknown.
   */
  int64_t (*shape)(void *context, uint64_t value, int64_t *sizes, size_t capacity);
  /**
   * Adds a kernel as a layer; writes its output values. The table is copied, with all lists that it names. From here on the
   * host owns `user_data` and gives it back through `destroy`, also where this call fails.
   */
  EdasStatus (*kernel)(void *context,
                       const uint64_t *inputs,
                       size_t input_count,
                       const struct EdasKernel *kernel,
                       uint64_t *outputs,
                       size_t output_count);
  /**
   * Adds a native layer; otherwise as `kernel`.
   */
  EdasStatus (*native)(void *context,
                       const uint64_t *inputs,
                       size_t input_count,
                       const struct EdasNative *native,
                       uint64_t *outputs,
                       size_t output_count);
} EdasBuilder;

/**
 * Plugin extension `OP_SET`: operations, described and built as layer graphs.
 */
typedef struct EdasOpSet {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The number of operations. Any thread.
   */
  size_t (*count)(void);
  /**
   * Describes an operation, from 0 to `count` − 1. Any thread.
   */
  EdasStatus (*describe)(size_t operation, struct EdasOperationInfo *info);
  /**
   * Describes a parameter of an operation. May be null where no operation has parameters. Any thread.
   */
  EdasStatus (*describe_parameter)(size_t operation, size_t parameter, struct EdasParameterInfo *info);
  /**
   * Builds an operation's layer graph from `inputs` into `outputs`. The result must depend on nothing but the
   * arguments and the inputs' shapes. Any thread.
   */
  EdasStatus (*build)(size_t operation,
                      const struct EdasArguments *arguments,
                      const struct EdasBuilder *builder,
                      const uint64_t *inputs,
                      size_t input_count,
                      uint64_t *outputs,
                      size_t output_count,
                      const struct EdasSink *error);
} EdasOpSet;

/**
 * What a thing that a plugin offers (a space, a policy) is called. Filled in by the plugin's `describe`.
 */
typedef struct EdasInfo {
  /**
   * The size of this table in bytes, set by the caller.
   */
  size_t size;
  /**
   * The name, as specs write it. Lives as long as the library.
   */
  struct EdasText name;
  /**
   * What it is, for people. Lives as long as the library.
   */
  struct EdasText doc;
  /**
   * The number of its parameters.
   */
  size_t parameter_count;
} EdasInfo;

/**
 * Plugin extension `SEARCH_SPACE`: search spaces, each a text in the YAML form in which a file would hold it.
 */
typedef struct EdasSearchSpace {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The number of spaces. Any thread.
   */
  size_t (*count)(void);
  /**
   * Describes a space, from 0 to `count` − 1. Any thread.
   */
  EdasStatus (*describe)(size_t space, struct EdasInfo *info);
  /**
   * Describes a parameter of a space. May be null where no space has parameters. Any thread.
   */
  EdasStatus (*describe_parameter)(size_t space, size_t parameter, struct EdasParameterInfo *info);
  /**
   * Writes the description to `text`. It must depend on nothing but the parameters: one value per declared
   * parameter, in the declared order, defaults filled in. Any thread.
   */
  EdasStatus (*write)(size_t space,
                      const struct EdasAttribute *parameters,
                      size_t parameter_count,
                      const struct EdasSink *text,
                      const struct EdasSink *error);
} EdasSearchSpace;

/**
 * An operation that an edge may become.
 */
typedef struct EdasCandidate {
  /**
   * Its name.
   */
  struct EdasText name;
  /**
   * Trained numbers, over all cells of the edge's type.
   */
  int64_t parameters;
  /**
   * Multiplications with an addition for one example, over all cells of the edge's type.
   */
  int64_t multiply_adds;
} EdasCandidate;

/**
 * An edge of a cell type.
 */
typedef struct EdasEdge {
  /**
   * Its cell type, by position in `Space::cells`.
   */
  size_t cell;
  /**
   * Its position within the cell type.
   */
  size_t position;
  /**
   * The node that it comes from.
   */
  size_t from;
  /**
   * The node that it leads to.
   */
  size_t to;
  /**
   * What it may become.
   */
  const struct EdasCandidate *candidates;
  /**
   * Their number.
   */
  size_t candidate_count;
} EdasEdge;

/**
 * A search space as policies see it.
 */
typedef struct EdasSpace {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The edges over all cell types; an edge's index is its position here.
   */
  const struct EdasEdge *edges;
  /**
   * Their number.
   */
  size_t edge_count;
  /**
   * The names of the cell types.
   */
  const struct EdasText *cells;
  /**
   * Their number.
   */
  size_t cell_count;
} EdasSpace;

/**
 * What a policy is made of.
 */
typedef struct EdasPolicyArguments {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The space. It lives until the policy is destroyed.
   */
  const struct EdasSpace *space;
  /**
   * One value per declared parameter, in the declared order, defaults filled in.
   */
  const struct EdasAttribute *parameters;
  /**
   * Their number.
   */
  size_t parameter_count;
  /**
   * The policy's owner, for `HOST_MODEL`. It lives until the policy is destroyed.
   */
  EdasOwner *owner;
} EdasPolicyArguments;

/**
 * Where a search stands, as its policy sees it.
 */
typedef struct EdasTurn {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The epoch, from 0.
   */
  uint64_t epoch;
  /**
   * The number of epochs.
   */
  uint64_t epochs;
  /**
   * The iteration, from 0.
   */
  uint64_t iteration;
  /**
   * The iteration within the epoch, from 0.
   */
  uint64_t iteration_in_epoch;
  /**
   * The number of iterations in an epoch.
   */
  uint64_t iterations_per_epoch;
  /**
   * The round, from 0.
   */
  uint64_t round;
  /**
   * α: per edge, one number per candidate.
   */
  const double *const *alpha;
  /**
   * The draws of this iteration, for the host's `Random` table. `feedback` gets the same ones as `plan`, from the start.
   */
  EdasRandomStream *random;
} EdasTurn;

/**
 * How a policy answers: it makes plans, changes them, and adds steps. Gates and settings are asked for by name, as
 * `plugins/README.md` lists them. Errors stick, as in `Builder`.
 *
 * Thread: the one that was given the table, until that call returns.
 */
typedef struct EdasPlanner {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * Handed back to every function.
   */
  void *context;
  /**
   * Makes a plan in which every edge runs its strongest candidate, and returns its number.
   */
  uint64_t (*plan)(void *context);
  /**
   * Sets the gate of an edge, or of all, by its name: `strongest`, `only`, `relaxed`, `straight_through`, `off`. `candidates` are
   * positions; none stand for all.
   */
  EdasStatus (*gate)(void *context,
                     uint64_t plan,
                     size_t edge,
                     struct EdasText kind,
                     const size_t *candidates,
                     size_t candidate_count);
  /**
   * Sets something of a plan by its name, for an edge or for all: `sign` (a whole number, 1 or −1), `temperature` (a number),
   * `gumbel` (a whole number, the seed of the noise); for one edge `noise`, `drop`, `penalty`, `alpha` (numbers, one per
   * candidate), `active` (a candidate), `active_only` (a truth value).
   */
  EdasStatus (*set)(void *context, uint64_t plan, size_t edge, const struct EdasAttribute *setting);
  /**
   * Adds a step under a plan as it is now. `phase` is `PHASE_ARCHITECTURE` and so on.
   */
  EdasStatus (*step)(void *context, uint32_t phase, uint64_t plan);
} EdasPlanner;

/**
 * What came of one step.
 */
typedef struct EdasStepResult {
  /**
   * `PHASE_ARCHITECTURE` and so on. A plan for both phases gives two results.
   */
  uint32_t phase;
  /**
   * The mean loss over the batch.
   */
  double loss;
  /**
   * The share of the batch that was classified correctly.
   */
  double accuracy;
} EdasStepResult;

/**
 * The end of an epoch.
 */
typedef struct EdasEpochEnd {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The epoch, from 0.
   */
  uint64_t epoch;
  /**
   * The round, from 0.
   */
  uint64_t round;
  /**
   * The derived network's accuracy at the epoch's last validation; NaN where there was none.
   */
  double derived_accuracy;
  /**
   * α: per edge, one number per candidate.
   */
  const double *const *alpha;
} EdasEpochEnd;

/**
 * How a policy answers the end of an epoch. What it may set, by name: `stop` (a truth value: the search ends here), `keep` (whole numbers:
 * an edge, then the candidates that it keeps), `reset_weights` (a truth value).
 *
 * Thread: the one that was given the table, until that call returns.
 */
typedef struct EdasEpochAnswer {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * Handed back to `set`.
   */
  void *context;
  /**
   * Sets something; errors stick, as in `Builder`.
   */
  EdasStatus (*set)(void *context, const struct EdasAttribute *setting);
} EdasEpochAnswer;

/**
 * Plugin extension `POLICY`: policies. What a policy decides must follow from its parameters, its turns, what it is told,
 * and the draws that the host hands over: then searches repeat.
 *
 * One policy's functions are called by one thread at a time, not always the same one; several policies may exist at once.
 */
typedef struct EdasPolicy {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The number of policies. Any thread.
   */
  size_t (*count)(void);
  /**
   * Describes a policy, from 0 to `count` − 1. Any thread.
   */
  EdasStatus (*describe)(size_t policy, struct EdasInfo *info);
  /**
   * Describes a parameter of a policy. May be null where no policy has parameters. Any thread.
   */
  EdasStatus (*describe_parameter)(size_t policy, size_t parameter, struct EdasParameterInfo *info);
  /**
   * Makes a policy and writes it to `made`. Where it fails, the host takes nothing over, whatever `made` holds. Any thread.
   */
  EdasStatus (*create)(size_t policy,
                       const struct EdasPolicyArguments *arguments,
                       void **made,
                       const struct EdasSink *error);
  /**
   * Frees a policy. May be null.
   */
  void (*destroy)(void *policy);
  /**
   * Answers a turn with steps.
   */
  EdasStatus (*plan)(void *policy,
                     const struct EdasTurn *turn,
                     const struct EdasPlanner *planner,
                     const struct EdasSink *error);
  /**
   * Hears the results of an iteration's steps, in their order. May be null.
   */
  EdasStatus (*feedback)(void *policy,
                         const struct EdasTurn *turn,
                         const struct EdasStepResult *results,
                         size_t result_count,
                         const struct EdasSink *error);
  /**
   * Hears that an epoch is over. May be null.
   */
  EdasStatus (*end_epoch)(void *policy,
                          const struct EdasEpochEnd *end,
                          const struct EdasEpochAnswer *answer,
                          const struct EdasSink *error);
  /**
   * Writes all that the policy remembers to `state`; models are the host's own to save. Null where it remembers nothing.
   */
  EdasStatus (*save)(void *policy, const struct EdasSink *state, const struct EdasSink *error);
  /**
   * Puts back what `save` wrote, perhaps into another policy of the same parameters and space. Null where `save` is.
   */
  EdasStatus (*restore)(void *policy, const uint8_t *state, size_t length, const struct EdasSink *error);
} EdasPolicy;

/**
 * Host extension `HOST_LOG`: messages for the user's log. A plugin does not write to stdout: results go there.
 */
typedef struct EdasLog {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * Writes a message with one of the severities. Any thread.
   */
  void (*write)(uint32_t severity, struct EdasText message);
} EdasLog;

/**
 * Host extension `HOST_RANDOM`: draws from a stream that the host handed over (a turn's, say). The same seed gives the
 * same numbers on every machine. Thread: the one that was given the stream, until that call returns.
 */
typedef struct EdasRandom {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * A whole number from 0 to n − 1, every one equally likely; 0 where n is 0.
   */
  uint64_t (*index)(EdasRandomStream *stream, uint64_t n);
  /**
   * A number in [0, 1).
   */
  double (*uniform)(EdasRandomStream *stream);
  /**
   * A draw from the standard normal distribution.
   */
  double (*normal)(EdasRandomStream *stream);
  /**
   * A draw from the standard Gumbel distribution.
   */
  double (*gumbel)(EdasRandomStream *stream);
} EdasRandom;

/**
 * Part of a loop: the numbers from `begin` to `end` − 1. Called on several threads at once.
 */
typedef void (*EdasLoopBody)(void *context, size_t begin, size_t end);

/**
 * Host extension `HOST_PARALLEL`: loops on the threads that libtorch computes with. A pool of one's own beside them
 * costs more than it gives.
 */
typedef struct EdasParallel {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The number of threads. Any thread.
   */
  size_t (*threads)(void);
  /**
   * Runs `body` over 0 to `count` − 1 in parts of at least `grain` (0 counts as 1), and returns when all are done. Which
   * thread gets which part is not said: a result must not depend on it. `FAILED`, with its text in `error` (which may be
   * null), where a part threw an exception. Any thread; within a part it runs on that part's thread alone.
   */
  EdasStatus (*run)(size_t count, size_t grain, EdasLoopBody body, void *context, const struct EdasSink *error);
} EdasParallel;

/**
 * Host extension `HOST_CANCEL`: whether the user wants the run to end. What takes long should ask now and then, and
 * return `FAILED`.
 */
typedef struct EdasCancel {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * 1 where the run that this thread works for is to end, otherwise 0. Thread: one that the host called the plugin on.
   */
  uint32_t (*requested)(void);
} EdasCancel;

/**
 * Host extension `HOST_LIBTORCH`: which libtorch the host runs on. A plugin that links libtorch needs the same one.
 */
typedef struct EdasLibtorch {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * Its version: `2.13.0`.
   */
  struct EdasText version;
} EdasLibtorch;

/**
 * Builds a model's graph from its inputs. Called before the call of `Model::create` returns, on the same thread.
 */
typedef EdasStatus (*EdasModelBuild)(void *user_data,
                                     const struct EdasBuilder *builder,
                                     const uint64_t *inputs,
                                     size_t input_count,
                                     uint64_t *outputs,
                                     size_t output_count,
                                     const struct EdasSink *error);

/**
 * Host extension `HOST_MODEL`: a model that belongs to one policy. Models compute in 64-bit floating point on the
 * processor. Their weights start from the search's seed, by the model's name, and are saved with the policy's state.
 *
 * Tensors are numbers that live until `clear`; they remember how they were computed, so that several forwards in a row (a
 * recurrent controller) are differentiated as one. A tensor of a model belongs to it alone.
 *
 * Every function writes its message to `error`, which may be null. Thread: the one that runs a function of the policy, until
 * that function returns.
 */
typedef struct EdasModel {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * Makes a model, in the policy's `create` alone. `inputs` are the shapes of its inputs, without the batch; writes its
   * number.
   */
  EdasStatus (*create)(EdasOwner *owner,
                       struct EdasText name,
                       const struct EdasShape *inputs,
                       size_t input_count,
                       size_t output_count,
                       EdasModelBuild build,
                       void *user_data,
                       uint64_t *model,
                       const struct EdasSink *error);
  /**
   * Makes a tensor of numbers: (batch, …), contiguous. Writes its number.
   */
  EdasStatus (*tensor)(EdasOwner *owner,
                       uint64_t model,
                       const double *data,
                       struct EdasShape shape,
                       uint64_t *tensor,
                       const struct EdasSink *error);
  /**
   * Computes the model's outputs from tensors; writes their numbers.
   */
  EdasStatus (*forward)(EdasOwner *owner,
                        uint64_t model,
                        const uint64_t *inputs,
                        size_t input_count,
                        uint64_t *outputs,
                        size_t output_count,
                        const struct EdasSink *error);
  /**
   * Writes at most `capacity` numbers of a tensor to `data`, and how many it has to `length`.
   */
  EdasStatus (*read)(EdasOwner *owner,
                     uint64_t model,
                     uint64_t tensor,
                     double *data,
                     size_t capacity,
                     size_t *length,
                     const struct EdasSink *error);
  /**
   * Adds the gradient of Σ tensorₖ · gradientₖ to the gradients of the weights. `gradients` points to as many numbers
   * for each tensor as it has. The tensors may be differentiated once.
   */
  EdasStatus (*backward)(EdasOwner *owner,
                         uint64_t model,
                         const uint64_t *tensors,
                         const double *const *gradients,
                         size_t count,
                         const struct EdasSink *error);
  /**
   * Moves the weights against the gradients that were added up, and sets these to zero. The settings: `rule` (a text; `adam`,
   * the default), `learning_rate` (a number), `beta1` and `beta2` (numbers; 0.9 and 0.999), `clip` (the largest norm of all
   * gradients together; 0, the default, for no limit).
   */
  EdasStatus (*step)(EdasOwner *owner,
                     uint64_t model,
                     const struct EdasAttribute *settings,
                     size_t setting_count,
                     const struct EdasSink *error);
  /**
   * Forgets all tensors of the model.
   */
  void (*clear)(EdasOwner *owner, uint64_t model);
} EdasModel;

/**
 * The call did what it should.
 */
#define EDAS_OK 0

/**
 * The call failed; the sink holds the message.
 */
#define EDAS_FAILED 1

/**
 * The plugin broke off (a panic in Rust); the sink holds the message.
 */
#define EDAS_PANICKED 2

#endif  /* EDAS_PLUGIN_H */

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
