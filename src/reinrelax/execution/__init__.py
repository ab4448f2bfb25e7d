"""What a run takes and how it is led: plans, devices, locks, campaigns, checks."""
