"""Two ways to make a variant: a frozen trunk, or a network that is trained end to end."""
