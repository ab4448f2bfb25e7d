"""Networks with a leading replica axis, written out rather than vmapped: their products go to one kernel call."""
