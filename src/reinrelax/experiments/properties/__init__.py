"""Tests of the stated properties of every relaxation."""
