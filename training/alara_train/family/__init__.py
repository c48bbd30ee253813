"""One family from one recipe, stage by stage."""
