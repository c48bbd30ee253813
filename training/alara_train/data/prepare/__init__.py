"""From labelled films to a folder of resized pixels, resumable after a kill."""
