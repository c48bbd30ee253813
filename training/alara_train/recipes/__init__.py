"""The two ways to a variant: a frozen trunk, or a network that is trained end to end."""
