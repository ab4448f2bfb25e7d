"""VAEs with a leading replica axis: each layer is one batched product for all replicas."""
