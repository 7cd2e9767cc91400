// Kernels of plugins as nodes of libtorch's autograd.

#include "native.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Keeps a kernel as long as a graph needs it.
struct Held : torch::CustomClassHolder {
    explicit Held(const EdasNativeKernel& kernel) : kernel(kernel) { kernel.retain(kernel.owner); }
    ~Held() override { kernel.release(kernel.owner); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    const EdasNativeKernel kernel;
};

std::string name(const EdasNativeKernel& kernel) {
    return std::string(reinterpret_cast<const char*>(kernel.kernel->name.data), kernel.kernel->name.length);
}

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

at::ScalarType scalar(uint32_t dtype, at::ScalarType otherwise) {
    switch (dtype) {
        case EDAS_DTYPE_FLOAT32: return at::kFloat;
        case EDAS_DTYPE_FLOAT64: return at::kDouble;
        case EDAS_DTYPE_INT64: return at::kLong;
        case EDAS_DTYPE_UINT8: return at::kByte;
        default: return otherwise;
    }
}

uint32_t dtype_of(at::ScalarType type) {
    switch (type) {
        case at::kFloat: return EDAS_DTYPE_FLOAT32;
        case at::kDouble: return EDAS_DTYPE_FLOAT64;
        case at::kLong: return EDAS_DTYPE_INT64;
        case at::kByte: return EDAS_DTYPE_UINT8;
        default: return 0;
    }
}

// Buffers of tensors, with the tensors kept while they are used.
class Buffers {
   public:
    void add(const at::Tensor& tensor) {
        EdasBuffer buffer{};
        if (tensor.defined()) {
            buffer.data = tensor.numel() == 0 || tensor.is_meta() ? nullptr : tensor.data_ptr();
            buffer.sizes = tensor.sizes().data();
            buffer.strides = tensor.strides().data();
            buffer.rank = static_cast<size_t>(tensor.dim());
            buffer.dtype = dtype_of(tensor.scalar_type());
        }
        tensors_.push_back(tensor);
        list_.push_back(buffer);
    }
    // A tensor whose sizes are told, but not its contents.
    void add_sizes(const at::Tensor& tensor) {
        add(tensor);
        list_.back().data = nullptr;
    }
    const EdasBuffer* data() const { return list_.data(); }
    size_t size() const { return list_.size(); }

   private:
    std::vector<at::Tensor> tensors_;
    std::vector<EdasBuffer> list_;
};

at::MemoryFormat format(uint32_t layout) {
    return layout == EDAS_LAYOUT_CHANNELS_LAST ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}

// Maps of values in this layout; all else in the order of the sizes.
at::Tensor arranged(const at::Tensor& tensor, uint32_t layout, bool value) {
    return tensor.contiguous(value && tensor.dim() == 4 ? format(layout) : at::MemoryFormat::Contiguous);
}

at::Tensor made(const EdasKernelTensor& tensor, int64_t batch, uint32_t layout, const at::TensorOptions& options) {
    std::vector<int64_t> sizes;
    if (tensor.batched) sizes.push_back(batch);
    sizes.insert(sizes.end(), tensor.sizes, tensor.sizes + tensor.rank);
    const bool map = tensor.batched && sizes.size() == 4;
    const auto type = scalar(tensor.dtype, options.dtype().toScalarType());
    return at::empty(sizes, options.dtype(type), map ? format(layout) : at::MemoryFormat::Contiguous);
}

// A tensor of these sizes without memory.
at::Tensor sizes_of(const at::Tensor& tensor) {
    return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(at::kMeta).requires_grad(false));
}

struct Setting {
    int64_t batch;
    uint32_t layout;
    uint64_t values;  // bit k: input k is a value, with a batch; otherwise a weight or buffer
    bool differentiated;
    uint32_t mode;
};

void run(const EdasNativeKernel& kernel, bool backward, EdasKernelCall& call, const Setting& setting, const at::Tensor& like) {
    const EdasKernel& table = *kernel.kernel;
    call.size = sizeof(EdasKernelCall);
    call.batch = setting.batch;
    call.layout = setting.layout;
    call.dtype = like.scalar_type() == at::kDouble ? EDAS_DTYPE_FLOAT64 : EDAS_DTYPE_FLOAT32;
    call.device = like.is_cuda() ? EDAS_DEVICE_CUDA : EDAS_DEVICE_CPU;
    call.device_index = like.is_cuda() ? like.device().index() : 0;
    call.mode = setting.mode;
    const size_t bytes = table.scratch + table.scratch_per_example * static_cast<size_t>(setting.batch);
    at::Tensor scratch;
    if (bytes > 0) {
        // libtorch's allocator aligns to 64 bytes.
        scratch = at::empty({static_cast<int64_t>(bytes)}, like.options().dtype(at::kByte));
        call.scratch = scratch.data_ptr();
        call.scratch_size = bytes;
    }
    std::string text;
    EdasNativeMessage message{&text, [](void* context, const char* data, size_t length) {
                                  static_cast<std::string*>(context)->append(data, length);
                              }};
    if (kernel.run(kernel.owner, backward ? 1 : 0, &call, &message) != 0) throw Failure(text);
}

struct KernelFunction : torch::autograd::Function<KernelFunction> {
    static variable_list forward(
        AutogradContext* ctx, const c10::intrusive_ptr<Held>& held, const Setting& setting, at::TensorList inputs) {
        const EdasNativeKernel& kernel = held->kernel;
        const EdasKernel& table = *kernel.kernel;
        variable_list arranged_inputs;
        uint64_t wanted = 0;
        Buffers input_buffers;
        for (size_t i = 0; i < inputs.size(); ++i) {
            arranged_inputs.push_back(arranged(inputs[i], setting.layout, (setting.values >> i & 1) != 0));
            input_buffers.add(arranged_inputs.back());
            if (setting.differentiated && inputs[i].requires_grad()) wanted |= uint64_t{1} << i;
        }
        const auto options = inputs[0].options().requires_grad(false);
        variable_list outputs, saved;
        Buffers output_buffers, saved_buffers;
        for (size_t i = 0; i < table.output_count; ++i) {
            outputs.push_back(made(table.outputs[i], setting.batch, setting.layout, options));
            output_buffers.add(outputs.back());
        }
        for (size_t i = 0; i < table.saved_count; ++i) {
            saved.push_back(made(table.saved[i], setting.batch, setting.layout, options));
            saved_buffers.add(saved.back());
        }
        EdasKernelCall call{};
        call.inputs = input_buffers.data();
        call.input_count = input_buffers.size();
        call.outputs = output_buffers.data();
        call.output_count = output_buffers.size();
        call.saved = saved_buffers.data();
        call.saved_count = saved_buffers.size();
        call.wanted = wanted;
        run(kernel, false, call, setting, inputs[0]);
        // Where the backward does not read the inputs, only their sizes are kept.
        variable_list kept;
        for (auto& input : arranged_inputs) kept.push_back(table.keeps_inputs ? input : sizes_of(input));
        for (auto& output : outputs) kept.push_back(table.keeps_outputs ? output : sizes_of(output));
        kept.insert(kept.end(), saved.begin(), saved.end());
        ctx->save_for_backward(std::move(kept));
        ctx->set_materialize_grads(true);
        ctx->saved_data["kernel"] = c10::IValue::make_capsule(held);
        ctx->saved_data["batch"] = setting.batch;
        ctx->saved_data["layout"] = static_cast<int64_t>(setting.layout);
        ctx->saved_data["mode"] = static_cast<int64_t>(setting.mode);
        ctx->saved_data["values"] = static_cast<int64_t>(setting.values);
        return outputs;
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const auto capsule = ctx->saved_data["kernel"].toCapsule();
        const EdasNativeKernel& kernel = static_cast<const Held*>(capsule.get())->kernel;
        const EdasKernel& table = *kernel.kernel;
        if (at::GradMode::is_enabled()) {
            // libtorch would take the gradient for a constant: a wrong number without a word.
            throw Failure("kernel `" + name(kernel) + "` cannot be differentiated twice: use its reference graph");
        }
        if (!table.backward) throw Failure("kernel `" + name(kernel) + "` has no backward");
        Setting setting{
            ctx->saved_data["batch"].toInt(), static_cast<uint32_t>(ctx->saved_data["layout"].toInt()),
            static_cast<uint64_t>(ctx->saved_data["values"].toInt()), true,
            static_cast<uint32_t>(ctx->saved_data["mode"].toInt())};
        const auto kept = ctx->get_saved_variables();
        const size_t input_count = kept.size() - table.output_count - table.saved_count;
        Buffers inputs, outputs, saved, output_gradients, input_gradients;
        variable_list result(input_count);
        uint64_t wanted = 0;
        for (size_t i = 0; i < input_count; ++i) {
            if (table.keeps_inputs) {
                inputs.add(kept[i]);
            } else {
                inputs.add_sizes(kept[i]);
            }
            if (ctx->needs_input_grad(i)) {
                wanted |= uint64_t{1} << i;
                result[i] = at::empty_strided(kept[i].sizes(), kept[i].strides(), gradients[0].options());
                input_gradients.add(result[i]);
            } else {
                input_gradients.add_sizes(kept[i]);
            }
        }
        for (size_t i = 0; i < table.output_count; ++i) {
            outputs.add(kept[input_count + i]);
            output_gradients.add(arranged(gradients[i], setting.layout, table.outputs[i].batched != 0));
        }
        for (size_t i = 0; i < table.saved_count; ++i) saved.add(kept[input_count + table.output_count + i]);
        EdasKernelCall call{};
        call.inputs = inputs.data();
        call.input_count = inputs.size();
        call.outputs = outputs.data();
        call.output_count = outputs.size();
        call.saved = saved.data();
        call.saved_count = saved.size();
        call.output_gradients = output_gradients.data();
        call.input_gradients = input_gradients.data();
        call.wanted = wanted;
        run(kernel, true, call, setting, gradients[0]);
        // One gradient per argument of `forward`: the first two are no tensors.
        result.insert(result.begin(), 2, at::Tensor());
        return result;
    }
};

}  // namespace

extern "C" int32_t edas_native_gradients() { return at::GradMode::is_enabled() ? 1 : 0; }

extern "C" int32_t edas_native_kernel(
    const EdasNativeKernel* kernel, uint64_t values, uint32_t layout, uint32_t mode, int64_t batch,
    const void* const* inputs, size_t input_count, void* const* outputs, const EdasNativeMessage* message) {
    return edas::caught(message, [&] {
        if (torch::jit::tracer::isTracing()) {
            throw Failure("kernel `" + name(*kernel) + "` cannot be traced: use its reference graph");
        }
        std::vector<at::Tensor> tensors;
        for (size_t i = 0; i < input_count; ++i) tensors.push_back(*static_cast<const at::Tensor*>(inputs[i]));
        const auto results = KernelFunction::apply(
            c10::make_intrusive<Held>(*kernel), Setting{batch, layout, values, at::GradMode::is_enabled(), mode}, at::TensorList(tensors));
        for (size_t i = 0; i < results.size(); ++i) *static_cast<at::Tensor*>(outputs[i]) = results[i];
    });
}
