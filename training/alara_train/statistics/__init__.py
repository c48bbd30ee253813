"""From scores and labels to evidence: measures, intervals, comparisons and the `evaluation.json` that holds them."""
