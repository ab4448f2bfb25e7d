"""Planning, running and checking: plans, devices, locks, campaigns and comparisons."""
