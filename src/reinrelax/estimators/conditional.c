/* g · mean_k J_τ(Y_k) with Y_k ~ θ + G | D: the Monte Carlo of Gumbel-Rao (B, Eq. 6 and 7), in one pass.

   With E ~ Exp(1), Eq. 7 reads Y_j = -log(E_j/π_j + E_i), Y_i = -log E_i for D's own category i. So the numerators
   of softmax(Y/τ), divided by that of i, are n_j = (1 + E_j / (π_j E_i))^(-1/τ) <= 1: no maximum is sought, and at
   τ = 1 there is no power. With s1 = Σ n_j and s2 = Σ n_j g_j, a draw adds n_j (g_j - s2/s1) / s1 to entry j. */
#include <string.h>

#include "native.h"

#define STREAMS 16 /* of random numbers a row, whatever the width: numbers do not depend on the processor */

/* xoshiro128+ (Blackman and Vigna, 2018), one state a lane. */
typedef struct {
  words a, b, c, d;
} generator;

static inline uint64_t splitmix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static inline generator seeded(uint64_t seed, uint64_t first) {
  const uint64_t step = 0x9e3779b97f4a7c15u;
  generator out;
  for (int lane = 0; lane < WIDTH; lane++) {
    uint64_t key = seed + 2 * (first + lane) * step;
    uint64_t low = splitmix(key), high = splitmix(key + step);
    out.a[lane] = (uint32_t)low;
    out.b[lane] = (uint32_t)(low >> 32);
    out.c[lane] = (uint32_t)high;
    out.d[lane] = (uint32_t)(high >> 32) | 1;
  }
  return out;
}

/* E / log 2 for E ~ Exp(1), from 23 bits: in [8.6e-8, 24]. The factor cancels in E_j / E_i. */
static inline floats exponential(generator *s) {
  words bits = s->a + s->d, t = s->b << 9;
  s->c ^= s->a;
  s->d ^= s->b;
  s->b ^= s->c;
  s->a ^= s->d;
  s->c ^= t;
  s->d = (s->d << 11) | (s->d >> 21);
  return -log2_floats((__builtin_convertvector((ints)(bits >> 9), floats) + 0.5f) * 0x1p-23f);
}

/* Rows from `begin` to `end` of `categories` numbers each.
   cotangent g, probs π = softmax θ, out: [rows, categories]; winner i, tau: [rows]; work: 3 * categories vectors.
   Row r draws from streams of its own, named (seed, r): rows may be shared out among threads as one likes. */
void conditional_softmax_vjp(const float *cotangent, const float *probs, const int64_t *winner, const float *tau,
                             float *out, int64_t begin, int64_t end, int64_t categories, int64_t draws, uint64_t seed,
                             floats_at *work) {
  floats_at *n = work, *first = work + categories, *second = work + 2 * categories;
  for (int64_t row = begin; row < end; row++) {
    const float *g = cotangent + row * categories, *p = probs + row * categories;
    const int64_t i = winner[row];
    const float power = -1.0f / tau[row];
    memset(first, 0, 2 * categories * sizeof(floats));
    for (int part = 0; part < STREAMS; part += WIDTH) {
      generator state = seeded(seed, (uint64_t)row * STREAMS + part);
      for (int64_t k = part; k < draws; k += STREAMS) {
        floats rate_i = 1.0f / exponential(&state), s1 = all(1.0f), s2 = all(g[i]);
        for (int64_t j = 0; j < categories; j++) {
          n[j] = all(j == i ? 1.0f : 0.0f);
          if (j == i || p[j] == 0.0f) continue;
          floats ratio = 1.0f + exponential(&state) * (1.0f / p[j]) * rate_i;
          floats value = power == -1.0f ? 1.0f / ratio : exp2_floats(power * log2_floats(ratio));
          n[j] = select_floats(ratio > 3e38f, all(0.0f), value); /* an overflow stands for a weight of zero */
          s1 += n[j];
          s2 += n[j] * g[j];
        }
        floats share = 1.0f / s1; /* of this draw; lanes beyond the last draw have none */
        for (int lane = 0; lane < WIDTH; lane++) share[lane] = k + lane < draws ? share[lane] : 0.0f;
        s2 *= share * share;
        for (int64_t j = 0; j < categories; j++) {
          first[j] += n[j] * share;
          second[j] += n[j] * s2;
        }
      }
    }
    for (int64_t j = 0; j < categories; j++)
      out[row * categories + j] = -power / draws * (g[j] * sum_floats(first[j]) - sum_floats(second[j]));
  }
}
