"""Every relaxation against what it promises."""
