/* A policy and a space in plain C: what the bundled `inversion` plans at `period: 2`, and a chain of cells. */
#include <edas_plugin.h>

#include <stdlib.h>

static const EdasHost *the_host;

static const EdasParameterInfo parameters[] = {
    EDAS_INTEGER_PARAMETER("warmup_epochs", "epochs in which every other plan is inverted", 10, 0, 10000),
};

static size_t count(void) { return 1; }

static EdasStatus describe(size_t item, EdasInfo *info) {
  static const EdasText name = EDAS_TEXT("inversion"), doc = EDAS_TEXT("one relaxed edge, inverted on odd iterations");
  if (item != 0) return EDAS_FAILED;
  info->name = name;
  info->doc = doc;
  info->parameter_count = 1;
  return EDAS_OK;
}

static EdasStatus describe_parameter(size_t item, size_t parameter, EdasParameterInfo *info) {
  return item == 0 ? edas_describe_parameter(parameters, 1, parameter, info) : EDAS_FAILED;
}

/* The policy is its warm-up and its number of edges. */
typedef struct Inversion {
  uint64_t warmup_epochs;
  size_t edges;
} Inversion;

static EdasStatus create(size_t item, const EdasPolicyArguments *arguments, void **made, const EdasSink *error) {
  const EdasAttribute *epochs = edas_find(arguments->parameters, arguments->parameter_count, "warmup_epochs");
  Inversion *policy = malloc(sizeof *policy);
  if (item != 0 || !epochs || !policy) {
    free(policy);
    return edas_fail(error, "it cannot be made");
  }
  policy->warmup_epochs = (uint64_t)epochs->integer;
  policy->edges = arguments->space->edge_count;
  *made = policy;
  return EDAS_OK;
}

static EdasStatus plan(void *made, const EdasTurn *turn, const EdasPlanner *planner, const EdasSink *error) {
  const Inversion *policy = made;
  const EdasRandom *random = edas_random(the_host);
  uint64_t plan;
  if (!random) return edas_fail(error, "this host offers no random numbers");
  plan = edas_strongest(planner);
  edas_relax(planner, plan, random->index(turn->random, policy->edges));
  if (turn->epoch < policy->warmup_epochs && turn->iteration % 2 == 1) {
    edas_set(planner, plan, EDAS_ALL_EDGES, edas_integer("sign", -1));
  }
  edas_step(planner, EDAS_PHASE_BOTH, plan);
  return EDAS_OK;
}

static const EdasPolicy policy = {
    .size = sizeof(EdasPolicy),
    .count = count,
    .describe = describe,
    .describe_parameter = describe_parameter,
    .create = create,
    .destroy = free,
    .plan = plan,
};

static EdasStatus describe_space(size_t item, EdasInfo *info) {
  static const EdasText name = EDAS_TEXT("chain"), doc = EDAS_TEXT("one edge per cell");
  if (item != 0) return EDAS_FAILED;
  info->name = name;
  info->doc = doc;
  info->parameter_count = 0;
  return EDAS_OK;
}

static EdasStatus write_space(size_t item, const EdasAttribute *values, size_t value_count, const EdasSink *text,
                              const EdasSink *error) {
  static const char chain[] =
      "space: 1\nname: chain\ncell_types:\n  - name: cell\n    inputs: 1\n    nodes: 2\n"
      "    edges: {from: previous, candidates: [skip_connect, sep_conv_3x3]}\n    output: {node: 2}\n"
      "backbone:\n  stem: {op: relu_conv_bn}\n  cells: {repeat: cells, type: cell}\n  head: {op: pool_linear}\n";
  (void)values, (void)value_count;
  if (item != 0) return edas_fail(error, "there is no such space");
  edas_write(text, chain, 20); /* in pieces, which the host joins */
  edas_write(text, chain + 20, sizeof chain - 1 - 20);
  return EDAS_OK;
}

static const EdasSearchSpace space = {
    .size = sizeof(EdasSearchSpace), .count = count, .describe = describe_space, .write = write_space};

static EdasStatus init(const EdasHost *host, const EdasSink *error) {
  (void)error;
  the_host = host;
  return EDAS_OK;
}

static const void *get_extension(EdasText id) {
  if (edas_text_is(id, EDAS_POLICY)) return &policy;
  return edas_text_is(id, EDAS_SEARCH_SPACE) ? &space : NULL;
}

EDAS_DEFINE_PLUGIN("c-policy", "0.1.0", "A policy and a space in plain C", init, get_extension);
