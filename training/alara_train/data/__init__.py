"""Labelled films, from any layout to resized pixels on disk."""
