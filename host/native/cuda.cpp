// libtorch on a GPU: what float32 means, and autocast.

#include "native.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>

extern "C" void edas_native_cuda_settings() {
    // Float32 is float32, and the same call gives the same bits: no TF32, no kernels chosen by the clock.
    at::globalContext().setAllowTF32CuDNN(false);
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setDeterministicCuDNN(true);
}

extern "C" void edas_native_autocast_begin(bool cuda) {
    const auto device = cuda ? at::kCUDA : at::kCPU;
    at::autocast::set_autocast_dtype(device, at::kBFloat16);
    at::autocast::set_autocast_enabled(device, true);
    at::autocast::increment_nesting();
}

extern "C" void edas_native_autocast_end(bool cuda) {
    // The casts of weights are kept for one pass: after it the optimizer moves the weights.
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(cuda ? at::kCUDA : at::kCPU, false);
}
