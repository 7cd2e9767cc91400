// A plugin in C++ that throws, wherever -DIN=… says.
#include "edas_plugin.h"

#include <new>
#include <stdexcept>

#define NOWHERE 0
#define INIT 1
#define COUNT 2
#define BUILD 3
#define FORWARD 4
#define BACKWARD 5
#define REFERENCE 6
#define CREATE 7
#define PLAN 8
#define FEEDBACK 9
#define SPACE 10
#define GET_EXTENSION 11

#ifndef IN
#define IN NOWHERE
#endif

namespace {

void perhaps(int here) {
    if (here == IN) throw std::runtime_error("thrown on purpose");
}

EdasStatus forward(void *, const EdasKernelCall *call, const EdasSink *) {
    perhaps(FORWARD);
    const auto &x = call->inputs[0];
    int64_t count = 1;
    for (size_t i = 0; i < x.rank; ++i) count *= x.sizes[i];
    for (int64_t i = 0; i < count; ++i) {
        static_cast<float *>(call->outputs[0].data)[i] = static_cast<const float *>(x.data)[i];
    }
    return EDAS_OK;
}

EdasStatus backward(void *, const EdasKernelCall *call, const EdasSink *) {
    perhaps(BACKWARD);
    const auto &dy = call->output_gradients[0];
    int64_t count = 1;
    for (size_t i = 0; i < dy.rank; ++i) count *= dy.sizes[i];
    for (int64_t i = 0; i < count; ++i) {
        static_cast<float *>(call->input_gradients[0].data)[i] = static_cast<const float *>(dy.data)[i];
    }
    return EDAS_OK;
}

EdasStatus reference(void *, const EdasBuilder *, const uint64_t *x, size_t, uint64_t *y, size_t, const EdasSink *) {
    // No class of the standard library's.
    if (IN == REFERENCE) throw 7;
    y[0] = x[0];
    return EDAS_OK;
}

EdasStatus same(const EdasArguments *, const EdasBuilder *g, const uint64_t *x, uint64_t *y, const EdasSink *) {
    perhaps(BUILD);
    int64_t sizes[3];
    const EdasKernelTensor shape = edas_kernel_tensor(sizes, 3);
    g->shape(g->context, x[0], sizes, 3);
    EdasKernel kernel = edas_kernel("copy", &shape);
    kernel.dtypes = EDAS_DTYPE_FLOAT32;
    kernel.forward = forward;
    kernel.backward = backward;
    kernel.reference = reference;
    g->kernel(g->context, x, 1, &kernel, y, 1);
    return EDAS_OK;
}

const EdasOperation operations[] = {EDAS_CANDIDATE("same", "its input", same)};
EDAS_DEFINE_OP_SET(sound, operations)

size_t one() {
    perhaps(COUNT);
    return 1;
}

EdasStatus describe(size_t, EdasInfo *info) {
    info->name = edas_text("thrower");
    info->doc = edas_text("throws");
    return EDAS_OK;
}

EdasStatus write_space(size_t, const EdasAttribute *, size_t, const EdasSink *, const EdasSink *) {
    perhaps(SPACE);
    return EDAS_FAILED;
}

EdasStatus create(size_t, const EdasPolicyArguments *, void **made, const EdasSink *) {
    perhaps(CREATE);
    *made = new int(0);
    return EDAS_OK;
}

void destroy(void *policy) { delete static_cast<int *>(policy); }

EdasStatus plan(void *, const EdasTurn *, const EdasPlanner *planner, const EdasSink *) {
    perhaps(PLAN);
    planner->step(planner->context, EDAS_PHASE_BOTH, planner->plan(planner->context));
    return EDAS_OK;
}

EdasStatus feedback(void *, const EdasTurn *, const EdasStepResult *, size_t, const EdasSink *) {
    perhaps(FEEDBACK);
    return EDAS_OK;
}

const EdasSearchSpace space = {sizeof(EdasSearchSpace), one, describe, nullptr, write_space};
const EdasPolicy policy = {sizeof(EdasPolicy), one,      describe, nullptr, create, destroy,
                           plan,               feedback, nullptr,  nullptr, nullptr};

const void *get_extension(EdasText id) {
    static EdasOpSet op_set;
    perhaps(GET_EXTENSION);
    op_set = sound;
    op_set.count = one;
    if (edas_text_is(id, EDAS_OP_SET)) return &op_set;
    if (edas_text_is(id, EDAS_SEARCH_SPACE)) return &space;
    if (edas_text_is(id, EDAS_POLICY)) return &policy;
    return nullptr;
}

EdasStatus init(const EdasHost *, const EdasSink *) {
    perhaps(INIT);
    return EDAS_OK;
}

}  // namespace

EDAS_DEFINE_PLUGIN("throws", "0.1.0", "Throws", init, get_extension);
