"""Replicas trained side by side: optimizer, loop, checkpoints.

Written for a leading replica axis rather than for one model, because seeds, grids and sweeps are the bulk of
a replication, and ten trainings of one shape cost little more than one.
"""
