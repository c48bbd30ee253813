"""A frozen ImageNet trunk with linear read-outs."""
