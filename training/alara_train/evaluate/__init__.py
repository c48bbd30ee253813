"""From scores and labels to measures, intervals and comparisons."""
