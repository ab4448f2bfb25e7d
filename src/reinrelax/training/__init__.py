"""Training of several replicas at once: optimizer, loop, checkpoints.

All code has a leading replica axis, because a replication consists mostly of seeds, grids and
sweeps, and ten trainings of one shape take little longer than one.
"""
