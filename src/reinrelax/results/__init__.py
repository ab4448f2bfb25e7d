"""What is on disk: read, packed, merged."""
