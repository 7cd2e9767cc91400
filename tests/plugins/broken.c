/* A library with one fault that a loader must find; -DFAULT=… says which. */
#include "edas_plugin.h"

#define NO_FAULT 0
#define WRONG_MAJOR 1
#define NEWER_MINOR 2
#define SMALL_ENTRY 3
#define NO_GET_EXTENSION 4
#define NAME_NOT_UTF8 5
#define INIT_FAILS 6
#define SMALL_TABLE 7
#define NULL_BUILD 8
#define OPERATION_NOT_UTF8 9
#define DUPLICATE_NAMES 10
#define COUNTLESS 11
#define MESSAGE_NOT_UTF8 12
#define NULL_SPACE_WRITE 13
#define NULL_POLICY_PLAN 14

#ifndef FAULT
#define FAULT NO_FAULT
#endif

static EdasStatus same(const EdasArguments *op, const EdasBuilder *g, const uint64_t *x, uint64_t *y,
                       const EdasSink *error) {
  (void)op, (void)g, (void)error;
#if FAULT == MESSAGE_NOT_UTF8
  return edas_fail(error, "half a letter: \xc3");
#else
  y[0] = x[0];
  return EDAS_OK;
#endif
}

static const EdasOperation operations[] = {
    EDAS_CANDIDATE("same", "its input", same),
#if FAULT == DUPLICATE_NAMES
    EDAS_CANDIDATE("same", "its input again", same),
#elif FAULT == OPERATION_NOT_UTF8
    EDAS_CANDIDATE("\xff\xfe", "a name that is no text", same),
#endif
};
EDAS_DEFINE_OP_SET(op_set, operations)

static size_t countless(void) { return (size_t)1 << 40; }

static const EdasSearchSpace search_space = {sizeof(EdasSearchSpace), NULL, NULL, NULL, NULL};
static const EdasPolicy policy = {.size = sizeof(EdasPolicy)};

static const void *get_extension(EdasText id) {
  static EdasOpSet changed;
  (void)countless;
#if FAULT == NULL_SPACE_WRITE
  if (edas_text_is(id, EDAS_SEARCH_SPACE)) return &search_space;
#elif FAULT == NULL_POLICY_PLAN
  if (edas_text_is(id, EDAS_POLICY)) return &policy;
#endif
  (void)search_space, (void)policy;
  if (!edas_text_is(id, EDAS_OP_SET)) return NULL;
  changed = op_set;
#if FAULT == SMALL_TABLE
  changed.size -= sizeof(void *);
#elif FAULT == NULL_BUILD
  changed.build = NULL;
#elif FAULT == COUNTLESS
  changed.count = countless;
#endif
  return &changed;
}

static EdasStatus init(const EdasHost *host, const EdasSink *error) {
  (void)host, (void)error;
#if FAULT == INIT_FAILS
  return edas_fail(error, "there is no licence on this machine");
#else
  return EDAS_OK;
#endif
}

const EdasEntry edas_plugin_entry = {
    FAULT == WRONG_MAJOR ? EDAS_ABI_MAJOR + 1 : EDAS_ABI_MAJOR,
    FAULT == NEWER_MINOR ? EDAS_ABI_MINOR + 7 : EDAS_ABI_MINOR,
    FAULT == SMALL_ENTRY ? sizeof(EdasEntry) - 8 : sizeof(EdasEntry),
#if FAULT == NAME_NOT_UTF8
    EDAS_TEXT("\xff\xfe"),
#else
    EDAS_TEXT("broken"),
#endif
    EDAS_TEXT("0.1.0"),
    EDAS_TEXT("A library with a fault"),
    init,
    NULL,
    FAULT == NO_GET_EXTENSION ? NULL : get_extension,
};
