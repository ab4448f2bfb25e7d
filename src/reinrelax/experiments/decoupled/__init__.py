"""The two temperatures of decoupled Straight-Through Gumbel-Softmax."""
