"""A controlled study of resolution: simulated nodules on real films, each paired with its untouched film."""
