"""Controlled studies: simulated nodules at several resolutions, and simulated stored values in several renderings."""
