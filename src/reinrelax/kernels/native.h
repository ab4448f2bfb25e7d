/* Vectors as wide as the processor's registers, and the vector functions that the kernels use. */
#ifndef REINRELAX_NATIVE_H
#define REINRELAX_NATIVE_H

#include <stdint.h>

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX2__)
#define WIDTH 8
#else
#define WIDTH 4
#endif

typedef float floats __attribute__((vector_size(4 * WIDTH)));
typedef int32_t ints __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t words __attribute__((vector_size(4 * WIDTH)));
typedef uint8_t bytes __attribute__((vector_size(WIDTH)));
/* The same types in memory, without alignment. */
typedef floats floats_at __attribute__((aligned(4), may_alias));
typedef bytes bytes_at __attribute__((aligned(1), may_alias));

static inline floats all(float x) { return x - (floats){0}; }

/* Select `yes` in lanes where the comparison holds, `no` in the others. */
static inline floats select_floats(ints holds, floats yes, floats no) {
  return (floats)((holds & (ints)yes) | (~holds & (ints)no));
}

static inline float sum_floats(floats x) {
  float out = 0.0f;
  for (int lane = 0; lane < WIDTH; lane++) out += x[lane];
  return out;
}

/* log2 x for positive, finite, normal x; the relative error is below 2e-7, even near 1. */
static inline floats log2_floats(floats x) {
  ints exponent = ((ints)x - 0x3f3504f3) >> 23; /* the mantissa is then between sqrt(1/2) and sqrt(2) */
  floats m = (floats)((ints)x - (ints)((words)exponent << 23)) - 1.0f;
  floats m2 = m * m, m4 = m2 * m2;
  /* The polynomial of Cephes' logf, evaluated in independent pairs of terms. */
  floats low = (3.3333331174e-1f - 2.4999993993e-1f * m) + (2.0000714765e-1f - 1.6668057665e-1f * m) * m2;
  floats high = (1.4249322787e-1f - 1.2420140846e-1f * m) + (1.1676998740e-1f - 1.1514610310e-1f * m) * m2;
  floats y = m * m2 * (low + m4 * (high + m4 * 7.0376836292e-2f)) - 0.5f * m2 + m;
  return __builtin_convertvector(exponent, floats) + y * 1.44269504088896341f;
}

/* 2^x for x <= 126; the relative error is below 3e-7. x < -126 counts as -126. */
static inline floats exp2_floats(floats x) {
  x = select_floats(x < -126.0f, all(-126.0f), x);
  floats shifted = x + 12582912.0f; /* 1.5 * 2^23: the last bits of the sum are x, rounded */
  floats f = x - (shifted - 12582912.0f);
  floats f2 = f * f;
  /* The polynomial of Cephes' exp2f, evaluated likewise. */
  floats high = (5.550332471162809e-2f + 9.618437357674640e-3f * f) +
                (1.339887440266574e-3f + 1.535336188319500e-4f * f) * f2;
  floats p = (1.0f + 6.931472028550421e-1f * f) + f2 * (2.402264791363012e-1f + f * high);
  return (floats)((ints)p + (ints)((words)(ints)shifted << 23));
}

#endif
