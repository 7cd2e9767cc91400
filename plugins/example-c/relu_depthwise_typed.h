/* The loops of relu_depthwise.c for one type of numbers: `REAL` is the type, `TYPED(name)` a name with its suffix.
 *
 * Per example n, with the stride s, the map x (channels, h, w), the weight k (channels, 3, 3) and the result y (channels, p, q):
 *
 *     y[c, i, j]      = sum over u, v   of  k[c, u, v] · relu(x[c, s·i + u − 1, s·j + v − 1])
 *     gradient of x   = (x > 0) · sum   of  k[c, u, v] · gradient of y[c, i, j]   over all that read it
 *     gradient of k   = sum over n, i, j of relu(x[c, s·i + u − 1, s·j + v − 1]) · gradient of y[c, i, j]
 *
 * What lies outside the map is 0. Whole examples are handed to threads, and the sum over examples is taken in their order at the
 * end: so the bits don't depend on how many threads there are. ReLU and its gradient treat 0 and NaN as libtorch's do. */

static REAL TYPED(relu)(REAL x) { return x < 0 ? 0 : x; }

/* Channels last: the inner loop runs over channels, which are neighbours. The weight is transposed to (3, 3, channels). */

static void TYPED(forward_last)(const Job *job, const REAL *x, const REAL *taps, REAL *y) {
  const int64_t c = job->c, h = job->h, w = job->w, s = job->stride;
  for (int64_t i = 0; i < job->p; ++i) {
    for (int64_t j = 0; j < job->q; ++j, y += c) {
      for (int64_t k = 0; k < c; ++k) y[k] = 0;
      for (int64_t u = 0; u < 3; ++u) {
        const int64_t row = s * i + u - 1;
        if (row < 0 || row >= h) continue;
        for (int64_t v = 0; v < 3; ++v) {
          const int64_t column = s * j + v - 1;
          if (column < 0 || column >= w) continue;
          const REAL *from = x + (row * w + column) * c;
          const REAL *tap = taps + (3 * u + v) * c;
          for (int64_t k = 0; k < c; ++k) y[k] += tap[k] * TYPED(relu)(from[k]);
        }
      }
    }
  }
}

static void TYPED(backward_last)(const Job *job, const REAL *x, const REAL *taps, const REAL *dy, REAL *dx, REAL *dtaps) {
  const int64_t c = job->c, h = job->h, w = job->w, s = job->stride;
  if (dx) memset(dx, 0, (size_t)(c * h * w) * sizeof(REAL));
  if (dtaps) memset(dtaps, 0, (size_t)(9 * c) * sizeof(REAL));
  for (int64_t i = 0; i < job->p; ++i) {
    for (int64_t j = 0; j < job->q; ++j, dy += c) {
      for (int64_t u = 0; u < 3; ++u) {
        const int64_t row = s * i + u - 1;
        if (row < 0 || row >= h) continue;
        for (int64_t v = 0; v < 3; ++v) {
          const int64_t column = s * j + v - 1;
          if (column < 0 || column >= w) continue;
          const int64_t at = (row * w + column) * c;
          if (dx) {
            REAL *to = dx + at;
            const REAL *tap = taps + (3 * u + v) * c;
            for (int64_t k = 0; k < c; ++k) to[k] += tap[k] * dy[k];
          }
          if (dtaps) {
            REAL *to = dtaps + (3 * u + v) * c;
            const REAL *from = x + at;
            for (int64_t k = 0; k < c; ++k) to[k] += TYPED(relu)(from[k]) * dy[k];
          }
        }
      }
    }
  }
  if (dx) {
    for (int64_t k = 0; k < c * h * w; ++k) dx[k] = x[k] <= 0 ? 0 : dx[k];
  }
}

/* Contiguous: the inner loop runs along a row of one channel; `first` to `last` are the results whose tap lies within it. */

static void TYPED(forward_plane)(const Job *job, const REAL *x, const REAL *taps, REAL *y) {
  const int64_t h = job->h, w = job->w, s = job->stride, p = job->p, q = job->q;
  for (int64_t k = 0; k < p * q; ++k) y[k] = 0;
  for (int64_t u = 0; u < 3; ++u) {
    for (int64_t v = 0; v < 3; ++v) {
      const REAL tap = taps[3 * u + v];
      const int64_t first = v == 0, last = columns(w, q, s, v);
      for (int64_t i = 0; i < p; ++i) {
        const int64_t row = s * i + u - 1;
        if (row < 0 || row >= h) continue;
        const int64_t at = row * w + v - 1;
        for (int64_t j = first; j < last; ++j) y[i * q + j] += tap * TYPED(relu)(x[at + s * j]);
      }
    }
  }
}

static void TYPED(backward_plane)(const Job *job, const REAL *x, const REAL *taps, const REAL *dy, REAL *dx, REAL *dtaps) {
  const int64_t h = job->h, w = job->w, s = job->stride, p = job->p, q = job->q;
  if (dx) memset(dx, 0, (size_t)(h * w) * sizeof(REAL));
  for (int64_t u = 0; u < 3; ++u) {
    for (int64_t v = 0; v < 3; ++v) {
      const REAL tap = taps[3 * u + v];
      const int64_t first = v == 0, last = columns(w, q, s, v);
      REAL sum = 0;
      for (int64_t i = 0; i < p; ++i) {
        const int64_t row = s * i + u - 1;
        if (row < 0 || row >= h) continue;
        const int64_t at = row * w + v - 1;
        if (dx) {
          for (int64_t j = first; j < last; ++j) dx[at + s * j] += tap * dy[i * q + j];
        }
        if (dtaps) {
          for (int64_t j = first; j < last; ++j) sum += TYPED(relu)(x[at + s * j]) * dy[i * q + j];
        }
      }
      if (dtaps) dtaps[3 * u + v] = sum;
    }
  }
  if (dx) {
    for (int64_t k = 0; k < h * w; ++k) dx[k] = x[k] <= 0 ? 0 : dx[k];
  }
}

/* Parts of the host's loop: the examples from `begin` to `end` − 1. */

static void TYPED(forward_part)(void *context, size_t begin, size_t end) {
  const Job *job = (const Job *)context;
  const int64_t in = job->h * job->w, out = job->p * job->q;
  for (int64_t n = (int64_t)begin; n < (int64_t)end; ++n) {
    const REAL *x = (const REAL *)job->x + n * job->c * in;
    REAL *y = (REAL *)job->y + n * job->c * out;
    if (job->last) {
      TYPED(forward_last)(job, x, (const REAL *)job->taps, y);
    } else {
      for (int64_t k = 0; k < job->c; ++k) {
        TYPED(forward_plane)(job, x + k * in, (const REAL *)job->taps + 9 * k, y + k * out);
      }
    }
  }
}

static void TYPED(backward_part)(void *context, size_t begin, size_t end) {
  const Job *job = (const Job *)context;
  const int64_t in = job->h * job->w, out = job->p * job->q;
  for (int64_t n = (int64_t)begin; n < (int64_t)end; ++n) {
    const REAL *x = (const REAL *)job->x + n * job->c * in;
    const REAL *dy = (const REAL *)job->dy + n * job->c * out;
    REAL *dx = job->dx ? (REAL *)job->dx + n * job->c * in : NULL;
    REAL *dtaps = job->dtaps ? (REAL *)job->dtaps + n * 9 * job->c : NULL;
    if (job->last) {
      TYPED(backward_last)(job, x, (const REAL *)job->taps, dy, dx, dtaps);
    } else {
      for (int64_t k = 0; k < job->c; ++k) {
        TYPED(backward_plane)(job, x + k * in, (const REAL *)job->taps + 9 * k, dy + k * out, dx ? dx + k * in : NULL,
                              dtaps ? dtaps + 9 * k : NULL);
      }
    }
  }
}

/* Runs one way of the kernel. Scratch: the transposed weight where channels are last, then one gradient of it per example. */
static EdasStatus TYPED(run)(Job *job, const REAL *weight, REAL *dweight, REAL *scratch) {
  const int64_t count = 9 * job->c;
  job->taps = weight;
  if (job->last) {
    for (int64_t t = 0; t < 9; ++t) {
      for (int64_t k = 0; k < job->c; ++k) scratch[t * job->c + k] = weight[9 * k + t];
    }
    job->taps = scratch;
  }
  if (!job->dy) return edas_parallel(relu_depthwise_host, (size_t)job->n, 1, TYPED(forward_part), job, NULL);
  job->dtaps = dweight ? scratch + count : NULL;
  if (edas_parallel(relu_depthwise_host, (size_t)job->n, 1, TYPED(backward_part), job, NULL) != EDAS_OK) return EDAS_FAILED;
  if (dweight) {
    for (int64_t t = 0; t < count; ++t) {
      /* Where the sum over examples lies: (9, channels) where channels are last, otherwise as in the weight. */
      const int64_t from = job->last ? t % 9 * job->c + t / 9 : t;
      REAL sum = 0;
      for (int64_t n = 0; n < job->n; ++n) sum += ((const REAL *)job->dtaps)[n * count + from];
      dweight[t] = sum;
    }
  }
  return EDAS_OK;
}
