"""Networks with a leading replica axis, so that each layer is one batched product for all replicas."""
