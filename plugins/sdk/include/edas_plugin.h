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
 * Uniform between −a and a.
 */
#define EDAS_INITIALISER_UNIFORM 0

/**
 * Normal with mean 0 and standard deviation a.
 */
#define EDAS_INITIALISER_NORMAL 1

/**
 * Every element is a.
 */
#define EDAS_INITIALISER_CONSTANT 2

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
 * A GPU; buffers are device pointers, and the kernel runs on the current stream.
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
 * Memory that a kernel reads or writes.
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
} EdasBuffer;

/**
 * One call of a kernel. All buffers are of one dtype, on one device; values are all in one layout. Buffers that are written
 * hold undefined numbers before.
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
   * What the layer takes. In the backward only where the kernel says `keeps_inputs`, otherwise null data.
   */
  const struct EdasBuffer *inputs;
  /**
   * Their number.
   */
  size_t input_count;
  /**
   * What the layer returns: written by the forward, read by the backward where the kernel says `keeps_outputs`.
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
   * The shapes of the outputs, without the batch.
   */
  const struct EdasShape *outputs;
  /**
   * Their number.
   */
  size_t output_count;
  /**
   * The shapes of what it saves for the backward, without the batch.
   */
  const struct EdasShape *saved;
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
   * Adds a weight that training moves, and returns its value. `initialiser` is one of `INITIALISER_UNIFORM` and so on.
   */
  uint64_t (*parameter)(void *context,
                        struct EdasText name,
                        const int64_t *sizes,
                        size_t rank,
                        uint32_t initialiser,
                        double a);
  /**
   * Adds a tensor that training does not move, and returns its value.
   */
  uint64_t (*buffer)(void *context,
                     struct EdasText name,
                     const int64_t *sizes,
                     size_t rank,
                     uint32_t initialiser,
                     double a);
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
   * The draws of this iteration, for the host's `Random` table.
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
   * Sets the gate of an edge, or of all: `strongest`, `only`, `relaxed`, `off`. `candidates` are positions; none stand for all.
   */
  EdasStatus (*gate)(void *context,
                     uint64_t plan,
                     size_t edge,
                     struct EdasText kind,
                     const size_t *candidates,
                     size_t candidate_count);
  /**
   * Sets something of a plan, for an edge or for all: `sign` (a whole number, 1 or −1), `temperature` (a number),
   * `gumbel` (a whole number, the seed of the noise).
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
 * How a policy answers the end of an epoch. What it may set: `stop` (a truth value: the search ends here).
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
   * Makes a policy and writes it to `made`. Any thread.
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
   * thread gets which part is not said: a result must not depend on it. `FAILED` where a part threw an exception. Any
   * thread; within a part it runs on that part's thread alone.
   */
  EdasStatus (*run)(size_t count, size_t grain, EdasLoopBody body, void *context);
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
 * What a model learns by: Adam.
 */
typedef struct EdasModelStep {
  /**
   * The size of this table in bytes.
   */
  size_t size;
  /**
   * The learning rate.
   */
  double learning_rate;
  /**
   * The decay of the mean of gradients.
   */
  double beta1;
  /**
   * The decay of the mean of squared gradients.
   */
  double beta2;
  /**
   * The largest norm of all gradients together; 0 for no limit.
   */
  double clip;
} EdasModelStep;

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
   * Moves the weights against the gradients that were added up, and sets these to zero.
   */
  EdasStatus (*step)(EdasOwner *owner, uint64_t model, const struct EdasModelStep *step, const struct EdasSink *error);
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

/* Helpers. */
