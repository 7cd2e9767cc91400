/* All that policies can say, in plain C: what tests/plugins/gates-policies says in Rust and in scripts. */
#include <edas_plugin.h>

#include <math.h>
#include <stdlib.h>

/* No space of the tests has more candidates per edge. */
#define MOST 16

static const EdasHost *the_host;

static size_t count(void) { return 2; }

static EdasStatus describe(size_t item, EdasInfo *info) {
  static const EdasText names[] = {EDAS_TEXT("every-gate"), EDAS_TEXT("shrinking")};
  static const EdasText docs[] = {EDAS_TEXT("every gate and every setting, in turn"),
                                  EDAS_TEXT("edges keep the stronger half of their candidates, epoch after epoch")};
  if (item >= 2) return EDAS_FAILED;
  info->name = names[item];
  info->doc = docs[item];
  info->parameter_count = 0;
  return EDAS_OK;
}

typedef struct Made {
  size_t item;
  const EdasSpace *space;
} Made;

static EdasStatus create(size_t item, const EdasPolicyArguments *arguments, void **made, const EdasSink *error) {
  Made *policy = malloc(sizeof *policy);
  size_t i;
  for (i = 0; i < arguments->space->edge_count; ++i) {
    if (arguments->space->edges[i].candidate_count > MOST) {
      free(policy);
      return edas_fail(error, "an edge has too many candidates");
    }
  }
  if (!policy) return edas_fail(error, "there is no memory");
  policy->item = item;
  policy->space = arguments->space;
  *made = policy;
  return EDAS_OK;
}

static void gate(const EdasTurn *turn, const EdasRandom *random, const EdasPlanner *p, uint64_t plan, size_t i, size_t n) {
  size_t ends[2];
  ends[0] = 0;
  ends[1] = n - 1;
  switch ((i + turn->iteration) % 9) {
    case 0: edas_relax(p, plan, i); break;
    case 1: edas_gate(p, plan, i, "relaxed", ends, 2); break;
    case 2: edas_gate(p, plan, i, "strongest", ends, 2); break;
    case 3: edas_only(p, plan, i, turn->iteration % n); break;
    case 4: edas_straight_through(p, plan, i, NULL, 0); break;
    case 5: edas_straight_through_among(p, plan, i, ends, 2, ends[random->index(turn->random, 2)]); break;
    case 6:
      edas_straight_through(p, plan, i, NULL, 0);
      edas_active_only(p, plan, i);
      break;
    case 7:
      edas_straight_through(p, plan, i, ends, 2);
      edas_active_only(p, plan, i);
      break;
    default: edas_gate(p, plan, i, "off", NULL, 0);
  }
}

static int same_name(const EdasCandidate *a, const EdasCandidate *b) { return edas_texts_equal(a->name, b->name); }

static void settings(const EdasSpace *space, const EdasTurn *turn, const EdasRandom *random, const EdasPlanner *p,
                     uint64_t plan, size_t i, size_t n) {
  double row[MOST], drop[MOST];
  size_t c;
  int dropped = 0;
  if (i % 3 < 2) edas_invert(p, plan, i, i % 3 == 0);
  if (i % 4 == 0) edas_temperature(p, plan, i, 0.5 + (double)(turn->iteration % 10) * 0.1);
  if (i % 5 == 0) edas_gumbel(p, plan, i, random->index(turn->random, UINT64_MAX));
  if (i % 5 == 1) {
    for (c = 0; c < n; ++c) row[c] = (double)c * 0.25 - 1.0;
    edas_noise(p, plan, i, row, n);
  }
  for (c = 0; c < n; ++c) {
    drop[c] = same_name(&space->edges[i].candidates[c], &space->edges[0].candidates[1]) ? 0.25 : 0.0;
    if (i % 6 == 0 && c == 1) drop[c] = 0.5;
    if (i % 6 == 1 && c == n - 1) drop[c] = 0.75;
    dropped |= drop[c] > 0.0;
  }
  if (dropped) edas_drop(p, plan, i, drop, n);
  if (i % 7 == 0) {
    for (c = 0; c < n; ++c) row[c] = (double)c * 0.5;
    edas_penalise(p, plan, i, row, n);
    for (c = 0; c < n; ++c) row[c] = 1.0;
    edas_penalise(p, plan, i, row, n);
  }
  if (i % 7 == 1) {
    for (c = 0; c < n; ++c) row[c] = -turn->alpha[i][c];
    edas_set_alpha(p, plan, i, row, n);
  }
}

static void every_gate(const EdasSpace *space, const EdasTurn *turn, const EdasRandom *random, const EdasPlanner *p) {
  const uint64_t plan = edas_strongest(p);
  size_t i;
  edas_temperature(p, plan, EDAS_ALL_EDGES, 1.5);
  edas_gumbel(p, plan, EDAS_ALL_EDGES, random->index(turn->random, UINT64_MAX));
  for (i = 0; i < space->edge_count; ++i) {
    gate(turn, random, p, plan, i, space->edges[i].candidate_count);
    settings(space, turn, random, p, plan, i, space->edges[i].candidate_count);
  }
  if (turn->iteration % 2 == 1) edas_invert(p, plan, EDAS_ALL_EDGES, 1);
  if (turn->iteration % 3 == 0) {
    edas_step(p, EDAS_PHASE_BOTH, plan);
  } else {
    edas_step(p, EDAS_PHASE_ARCHITECTURE, plan);
    edas_step(p, EDAS_PHASE_MEASURE, edas_strongest(p));
    edas_step(p, EDAS_PHASE_WEIGHTS, plan);
  }
}

/* The candidates that an edge still has, by number, and for each candidate its place among them times `unit`. */
static size_t kept_of(const double *alpha, size_t n, double unit, size_t *kept, double *places) {
  size_t c, length = 0;
  for (c = 0; c < n; ++c) {
    places[c] = 9.0 * unit;
    if (isinf(alpha[c])) continue;
    places[c] = (double)length * unit;
    kept[length++] = c;
  }
  return length;
}

static void shrinking(const EdasSpace *space, const EdasTurn *turn, const EdasRandom *random, const EdasPlanner *p) {
  const uint64_t plan = edas_strongest(p);
  const size_t drawn = random->index(turn->random, space->edge_count);
  const size_t n = space->edges[drawn].candidate_count;
  double places[MOST];
  size_t kept[MOST], i, c, length;
  int skips;
  edas_relax(p, plan, drawn);
  kept_of(turn->alpha[drawn], n, 0.5, kept, places);
  edas_noise(p, plan, drawn, places, n);
  length = kept_of(turn->alpha[drawn], n, 0.1, kept, places);
  edas_penalise(p, plan, drawn, places, n);
  for (c = 0, skips = 0; c < length; ++c) {
    skips |= edas_text_is(space->edges[drawn].candidates[kept[c]].name, "skip_connect");
  }
  for (i = 0; i < space->edge_count; ++i) {
    const EdasEdge *edge = &space->edges[i];
    length = kept_of(turn->alpha[i], edge->candidate_count, 0.01, kept, places);
    if (turn->epoch == 1 && turn->iteration_in_epoch == 0) {
      edas_set_alpha(p, plan, i, places, edge->candidate_count);
    }
    for (c = 0; c < edge->candidate_count; ++c) {
      places[c] = edas_text_is(edge->candidates[c].name, "skip_connect") ? 0.25 : 0.0;
    }
    if (skips) edas_drop(p, plan, i, places, edge->candidate_count);
    if (i == drawn || i % 2 == 1) continue;
    if (i % 4 == 0) {
      edas_only(p, plan, i, kept[turn->iteration % length]);
    } else {
      edas_straight_through(p, plan, i, kept + length / 2, length - length / 2);
    }
  }
  edas_step(p, EDAS_PHASE_BOTH, plan);
}

static EdasStatus plan(void *made, const EdasTurn *turn, const EdasPlanner *planner, const EdasSink *error) {
  const Made *policy = made;
  const EdasRandom *random = edas_random(the_host);
  if (!random) return edas_fail(error, "this host offers no random numbers");
  (policy->item == 0 ? every_gate : shrinking)(policy->space, turn, random, planner);
  return EDAS_OK;
}

static EdasStatus end_epoch(void *made, const EdasEpochEnd *end, const EdasEpochAnswer *answer, const EdasSink *error) {
  const Made *policy = made;
  size_t i, c;
  (void)error;
  if (policy->item == 0) return EDAS_OK;
  for (i = 0; i < policy->space->edge_count; ++i) {
    const double *alpha = end->alpha[i];
    int64_t list[MOST + 1];
    size_t left = 0, length = 1;
    list[0] = (int64_t)i;
    for (c = 0; c < policy->space->edges[i].candidate_count; ++c) left += !isinf(alpha[c]);
    while (length <= (left + 1) / 2) {
      size_t best = MOST, k;
      for (c = 0; c < policy->space->edges[i].candidate_count; ++c) {
        int taken = isinf(alpha[c]) != 0;
        for (k = 1; k < length; ++k) taken |= list[k] == (int64_t)c;
        if (!taken && (best == MOST || alpha[c] > alpha[best])) best = c;
      }
      list[length++] = (int64_t)best;
    }
    edas_keep(answer, list, length);
  }
  if (end->epoch == 0) edas_reset_weights(answer);
  return EDAS_OK;
}

static const EdasPolicy policy = {
    .size = sizeof(EdasPolicy),
    .count = count,
    .describe = describe,
    .create = create,
    .destroy = free,
    .plan = plan,
    .end_epoch = end_epoch,
};

static EdasStatus init(const EdasHost *host, const EdasSink *error) {
  (void)error;
  the_host = host;
  return EDAS_OK;
}

static const void *get_extension(EdasText id) { return edas_text_is(id, EDAS_POLICY) ? &policy : NULL; }

EDAS_DEFINE_PLUGIN("c-gates", "0.1.0", "Policies in plain C that say all that there is", init, get_extension);
