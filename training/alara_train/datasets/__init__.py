"""From a folder of labelled films to resized pixels: three layouts read as one value, checked, then cached."""
