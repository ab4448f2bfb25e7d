"""Figures as SVG, drawn from data by a few kinds of panels."""
