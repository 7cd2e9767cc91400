// ATen operators by their schema names, called through libtorch's dispatcher.

#include "native.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

std::string text(EdasText t) { return std::string(reinterpret_cast<const char*>(t.data), t.length); }

[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error(what); }

// The value of an argument of this type, as an attribute gives it.
c10::IValue value(const c10::TypePtr& type, const EdasAttribute& a, const std::string& name) {
    auto wrong = [&]() { refuse("its argument `" + name + "` is of type " + type->repr_str()); };
    switch (type->kind()) {
        case c10::TypeKind::OptionalType:
            return value(type->expectRef<c10::OptionalType>().getElementType(), a, name);
        case c10::TypeKind::IntType:
        case c10::TypeKind::SymIntType:
            if (a.kind == EDAS_KIND_INTEGER) return a.integer;
            break;
        case c10::TypeKind::FloatType:
            if (a.kind == EDAS_KIND_NUMBER) return a.number;
            if (a.kind == EDAS_KIND_INTEGER) return static_cast<double>(a.integer);
            break;
        case c10::TypeKind::BoolType:
            if (a.kind == EDAS_KIND_BOOLEAN) return a.integer != 0;
            break;
        case c10::TypeKind::NumberType:
            if (a.kind == EDAS_KIND_NUMBER) return a.number;
            if (a.kind == EDAS_KIND_INTEGER) return a.integer;
            break;
        case c10::TypeKind::StringType:
            if (a.kind == EDAS_KIND_TEXT) return text(a.text);
            break;
        case c10::TypeKind::ListType: {
            const auto element = type->expectRef<c10::ListType>().getElementType()->kind();
            if (element == c10::TypeKind::IntType || element == c10::TypeKind::SymIntType) {
                if (a.kind == EDAS_KIND_INTEGERS) return std::vector<int64_t>(a.integers, a.integers + a.length);
                // PyTorch's `int[2] stride=1` takes one number for all.
                if (a.kind == EDAS_KIND_INTEGER) return std::vector<int64_t>{a.integer};
            }
            if (element == c10::TypeKind::FloatType && a.kind == EDAS_KIND_NUMBERS) {
                return std::vector<double>(a.numbers, a.numbers + a.length);
            }
            break;
        }
        default:
            break;
    }
    wrong();
    return {};
}

// How an argument takes tensors.
enum class Takes { none, one, perhaps, rest };

Takes takes(const c10::TypePtr& type) {
    switch (type->kind()) {
        case c10::TypeKind::TensorType:
            return Takes::one;
        case c10::TypeKind::OptionalType:
            return takes(type->expectRef<c10::OptionalType>().getElementType()) == Takes::one ? Takes::perhaps : Takes::none;
        case c10::TypeKind::ListType:
            return takes(type->expectRef<c10::ListType>().getElementType()) == Takes::one ? Takes::rest : Takes::none;
        default:
            return Takes::none;
    }
}

const at::Tensor& tensor(const void* pointer) { return *static_cast<const at::Tensor*>(pointer); }

}  // namespace

struct EdasNativeOperator {
    c10::OperatorHandle handle;
    std::vector<c10::IValue> arguments;
    // Per argument: the first input that it takes, and how many; none where it takes no tensor.
    std::vector<std::pair<size_t, size_t>> inputs;
    size_t output_count;
};

extern "C" EdasNativeOperator* edas_native_operator(
    EdasText name, EdasText overload, size_t input_count, const EdasAttribute* attributes, size_t attribute_count,
    size_t output_count, const EdasNativeMessage* message) {
    EdasNativeOperator* made = nullptr;
    edas::caught(message, [&] {
        std::string full = text(name);
        if (full.find("::") == std::string::npos) full = "aten::" + full;
        auto handle = c10::Dispatcher::singleton().findSchema({full, text(overload)});
        const std::string shown = text(overload).empty() ? full : full + "." + text(overload);
        if (!handle) refuse("there is no operator `" + shown + "`");
        const auto& schema = handle->schema();
        if (schema.is_mutable()) refuse("operator `" + shown + "` writes to its inputs");
        if (full.rfind("aten::empty", 0) == 0 || full.rfind("aten::new_empty", 0) == 0) {
            refuse("operator `" + shown + "` returns what happens to lie in memory");
        }
        if (handle->hasTag(at::Tag::nondeterministic_seeded)) {
            refuse("operator `" + shown + "` draws random numbers of libtorch's, which do not repeat");
        }
        std::vector<c10::IValue> values;
        std::vector<std::pair<size_t, size_t>> positions;
        std::vector<bool> used(attribute_count, false);
        size_t next = 0;
        for (const auto& argument : schema.arguments()) {
            const auto how = takes(argument.type());
            if (how != Takes::none) {
                const size_t left = input_count - next;
                const size_t count = how == Takes::rest ? left : (left > 0 ? 1 : 0);
                if (how == Takes::one && count == 0) {
                    refuse("operator `" + shown + "` needs a tensor for `" + argument.name() + "`, and no input is left");
                }
                positions.emplace_back(next, how == Takes::perhaps && count == 0 ? 0 : count);
                // A list of tensors is told from one tensor by the kind of its place holder.
                values.emplace_back(how == Takes::rest ? c10::IValue(true) : c10::IValue());
                next += count;
                continue;
            }
            positions.emplace_back(0, 0);
            const EdasAttribute* given = nullptr;
            for (size_t i = 0; i < attribute_count; ++i) {
                if (text(attributes[i].name) == argument.name()) {
                    given = &attributes[i];
                    used[i] = true;
                }
            }
            if (given) {
                values.push_back(value(argument.type(), *given, argument.name()));
            } else if (argument.default_value()) {
                values.push_back(*argument.default_value());
            } else {
                refuse("operator `" + shown + "` needs its argument `" + argument.name() + "` of type " +
                       argument.type()->repr_str());
            }
            // What a list of fixed length gets from one number is that number, as often as it is long.
            if (argument.N() && values.back().isIntList() && values.back().toIntVector().size() == 1) {
                values.back() = std::vector<int64_t>(static_cast<size_t>(*argument.N()), values.back().toIntVector()[0]);
            }
        }
        std::ostringstream form;
        form << schema;
        if (next != input_count) {
            refuse("operator `" + shown + "` takes " + std::to_string(next) + " tensors, not " +
                   std::to_string(input_count) + ": " + form.str());
        }
        for (size_t i = 0; i < attribute_count; ++i) {
            if (!used[i]) refuse("operator `" + shown + "` has no argument `" + text(attributes[i].name) + "`: " + form.str());
        }
        if (schema.returns().size() != output_count) {
            refuse("operator `" + shown + "` returns " + std::to_string(schema.returns().size()) + " values, not " +
                   std::to_string(output_count));
        }
        for (const auto& returned : schema.returns()) {
            if (returned.type()->kind() != c10::TypeKind::TensorType) {
                refuse("operator `" + shown + "` returns something that is no tensor: " + form.str());
            }
        }
        made = new EdasNativeOperator{*handle, std::move(values), std::move(positions), output_count};
    });
    return made;
}

extern "C" void edas_native_operator_free(EdasNativeOperator* op) { delete op; }

extern "C" int32_t edas_native_operator_call(
    const EdasNativeOperator* op, const void* const* inputs, void* const* outputs, const EdasNativeMessage* message) {
    return edas::caught(message, [&] {
        torch::jit::Stack stack;
        stack.reserve(op->arguments.size());
        const auto& arguments = op->handle.schema().arguments();
        for (size_t i = 0; i < op->arguments.size(); ++i) {
            const auto [first, count] = op->inputs[i];
            const auto how = takes(arguments[i].type());
            if (how == Takes::rest) {
                c10::List<at::Tensor> list;
                for (size_t k = 0; k < count; ++k) list.push_back(tensor(inputs[first + k]));
                stack.emplace_back(std::move(list));
            } else if (how != Takes::none && count == 1) {
                stack.emplace_back(tensor(inputs[first]));
            } else {
                stack.push_back(op->arguments[i]);
            }
        }
        op->handle.callBoxed(stack);
        if (stack.size() != op->output_count) refuse("it returned another number of values");
        const at::Tensor* like = nullptr;
        for (const auto& [first, count] : op->inputs) {
            if (count > 0 && !like) like = &tensor(inputs[first]);
        }
        for (size_t i = 0; i < op->output_count; ++i) {
            const auto& output = stack[i].toTensor();
            if (!output.defined() || output.layout() != at::kStrided) {
                refuse("it returned something else than a plain tensor");
            }
            if (like && (output.scalar_type() != like->scalar_type() || output.device() != like->device())) {
                refuse(std::string("it returned ") + c10::toString(output.scalar_type()) + " of " +
                       c10::toString(like->scalar_type()));
            }
            *static_cast<at::Tensor*>(outputs[i]) = output;
        }
    });
}

// Says how the operator is called: its namespace, name and overload, then a line per argument that takes inputs (its position in the
// schema, how many, `one` or `list`, its name), and one per list of whole numbers that is as long as one likes.
extern "C" int32_t edas_native_operator_describe(
    const EdasNativeOperator* op, const EdasNativeMessage* description, const EdasNativeMessage* message) {
    return edas::caught(message, [&] {
        const auto& schema = op->handle.schema();
        const auto space = schema.operator_name().getNamespace();
        const std::string full = schema.name();
        std::ostringstream text;
        text << (space ? std::string(space->data(), space->size()) : "aten") << '\n'
             << (space ? full.substr(space->size() + 2) : full) << '\n'
             << schema.overload_name() << '\n';
        for (size_t i = 0; i < op->arguments.size(); ++i) {
            const auto& argument = schema.arguments()[i];
            const auto how = takes(argument.type());
            const size_t count = op->inputs[i].second;
            if (how == Takes::rest || count > 0) {
                text << i << ' ' << count << ' ' << (how == Takes::rest ? "list " : "one ") << argument.name() << '\n';
            } else if (op->arguments[i].isIntList() && !argument.N()) {
                text << i << " 0 numbers " << argument.name() << '\n';
            }
        }
        edas::say(description, text.str().c_str());
    });
}
