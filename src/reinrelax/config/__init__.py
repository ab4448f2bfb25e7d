"""Configuration: a nested mapping in, frozen and checked objects out."""
