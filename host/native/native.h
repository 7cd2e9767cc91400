// What the host's C++ offers to its Rust side. Tensors are `at::Tensor*`, as in torch-sys.

#pragma once

#include "edas_plugin.h"

#include <c10/util/Exception.h>

#include <cstddef>
#include <cstdint>
#include <exception>

extern "C" {

/// Takes the text of an exception. Never throws.
struct EdasNativeMessage {
    void* context;
    void (*write)(void* context, const char* text, size_t length);
};

/// Runs `body`; 0, or 1 where it threw.
int32_t edas_native_guard(void (*body)(void*), void* context, const EdasNativeMessage* message);
/// Runs `body` over parts of 0 to count - 1 on libtorch's threads; 0, or 1 where a part threw.
int32_t edas_native_parallel(
    int64_t count, int64_t grain, void (*body)(void*, size_t, size_t), void* context, const EdasNativeMessage* message);
/// The number of libtorch's threads.
size_t edas_native_threads();

/// Has libtorch compute float32 as float32 on GPUs, and repeatably.
void edas_native_cuda_settings();
/// Turns libtorch's autocast to bfloat16 on, for this thread and CUDA or the CPU.
void edas_native_autocast_begin(bool cuda);
/// Turns it off and forgets what it has cast.
void edas_native_autocast_end(bool cuda);

/// An ATen operator with all arguments but its tensors.
struct EdasNativeOperator;
/// Finds an operator and fills in its arguments; null where something does not fit.
EdasNativeOperator* edas_native_operator(
    EdasText name, EdasText overload, size_t input_count, const EdasAttribute* attributes, size_t attribute_count,
    size_t output_count, const EdasNativeMessage* message);
void edas_native_operator_free(EdasNativeOperator* op);
/// Calls it; `outputs` are tensors that are assigned. 0, or 1 where it threw.
int32_t edas_native_operator_call(
    const EdasNativeOperator* op, const void* const* inputs, void* const* outputs, const EdasNativeMessage* message);
/// Says how it is called, for source code that calls it; the form is told where it is written. 0, or 1 where it threw.
int32_t edas_native_operator_describe(
    const EdasNativeOperator* op, const EdasNativeMessage* description, const EdasNativeMessage* message);

/// A kernel with what its calls need besides. It lives until `release` is called with `owner` as often as `retain` was.
struct EdasNativeKernel {
    const EdasKernel* kernel;
    void* owner;
    void (*retain)(void* owner);
    void (*release)(void* owner);
    /// Runs the kernel's forward (0) or backward (1); 0, or 1 after it wrote to the message. Never throws.
    int32_t (*run)(void* owner, int32_t backward, const EdasKernelCall* call, const EdasNativeMessage* message);
};
/// Whether gradients are recorded on this thread: 0 or 1.
int32_t edas_native_gradients();
/// Runs a kernel as one node of autograd; `outputs` are tensors that are assigned. Bit k of `values` says that input k has a
/// batch; `layout` is one of the kernel's, `mode` one of `EDAS_MODE_TRAIN` and so on. 0, or 1 where it failed.
int32_t edas_native_kernel(
    const EdasNativeKernel* kernel, uint64_t values, uint32_t layout, uint32_t mode, int64_t batch,
    const void* const* inputs, size_t input_count, void* const* outputs, const EdasNativeMessage* message);
}

namespace edas {

void say(const EdasNativeMessage* message, const char* text) noexcept;

template <typename Body>
int32_t caught(const EdasNativeMessage* message, Body body) noexcept {
    try {
        body();
        return 0;
    } catch (const c10::Error& e) {
        // Without libtorch's own list of C++ frames.
        say(message, e.what_without_backtrace());
    } catch (const std::exception& e) {
        say(message, e.what());
    } catch (const char* text) {
        say(message, text);
    } catch (...) {
        say(message, "an exception that says nothing of itself");
    }
    return 1;
}

}  // namespace edas
