"""The input gate: which images are frontal chest films, upright and not inverted."""
