"""Figures as SVG, drawn from data with a few kinds of panels."""
