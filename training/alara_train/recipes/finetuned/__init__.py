"""Networks that are trained end to end."""
