"""Figures, drawn from a family's documents alone."""
