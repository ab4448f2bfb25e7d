"""Results on disk: reading, packing and merging."""
