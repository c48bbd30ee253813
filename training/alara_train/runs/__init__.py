"""From finished training runs to a served family."""
