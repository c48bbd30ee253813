"""End-to-end training: one run from one config, resumable at any step, on one processor or many."""
