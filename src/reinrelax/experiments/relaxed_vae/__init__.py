"""VAEs with the relaxations of *Just Relax It!*."""
