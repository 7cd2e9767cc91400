// Trampolines: what a plugin throws ends here. Rust cannot catch a C++ exception; it may only pass through frames whose
// functions are `extern "C-unwind"`.

#include "native.h"

#include <ATen/Parallel.h>

#include <exception>

namespace edas {

void say(const EdasNativeMessage* message, const char* text) noexcept {
    size_t length = 0;
    while (text[length] != '\0') ++length;
    message->write(message->context, text, length);
}

}  // namespace edas

extern "C" int32_t edas_native_guard(void (*body)(void*), void* context, const EdasNativeMessage* message) {
    return edas::caught(message, [&] { body(context); });
}

extern "C" int32_t edas_native_parallel(
    int64_t count, int64_t grain, void (*body)(void*, size_t, size_t), void* context, const EdasNativeMessage* message) {
    // libtorch carries an exception of a part to the thread that began the loop.
    return edas::caught(message, [&] {
        at::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
            body(context, static_cast<size_t>(begin), static_cast<size_t>(end));
        });
    });
}

extern "C" size_t edas_native_threads() { return static_cast<size_t>(at::get_num_threads()); }
