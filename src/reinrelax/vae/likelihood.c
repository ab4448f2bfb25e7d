/* Negative Bernoulli log-likelihood of pixels and its derivative, in one pass. */
#include <math.h>
#include <string.h>

#include "native.h"

/* For rows of `width` logits x and targets t: loss = Σ max(x, 0) - x t + log(1 + e^-|x|) in nats, `[rows]`,
   and its derivative σ(x) - t, `[rows, width]`. A NaN logit makes the loss of its row NaN. */
void bernoulli_nll(const float *logits, const float *targets, float *loss, float *slope, int64_t rows, int64_t width) {
  for (int64_t row = 0; row < rows; row++) {
    const float *from = logits + row * width, *to = targets + row * width;
    float *out = slope + row * width;
    floats sum = {0};
    for (int64_t i = 0; i < width; i += WIDTH) {
      const int64_t count = width - i < WIDTH ? width - i : WIDTH;
      floats x = {0}, t = {0};
      if (count == WIDTH) {
        x = *(const floats_at *)(from + i);
        t = *(const floats_at *)(to + i);
      } else {
        memcpy(&x, from + i, count * sizeof(float));
        memcpy(&t, to + i, count * sizeof(float));
      }
      const ints positive = x > 0.0f;
      const floats small = exp2_floats(-1.44269504088896341f * select_floats(positive, x, -x)); /* e^-|x| */
      const floats share = 1.0f / (1.0f + small);
      floats term = select_floats(positive, x, all(0.0f)) - x * t + 0.693147180559945309f * log2_floats(1.0f + small);
      const floats by = select_floats(positive, share, small * share) - t;
      if (count == WIDTH) {
        *(floats_at *)(out + i) = by;
      } else {
        memcpy(out + i, &by, count * sizeof(float));
        for (int64_t lane = count; lane < WIDTH; lane++) term[lane] = 0.0f;
      }
      sum += term;
    }
    loss[row] = sum_floats(sum);
  }
}
