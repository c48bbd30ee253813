"""Three layouts of labelled films, read as one value and checked."""
