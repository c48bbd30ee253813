"""The documents of a family: catalog, policy, evaluation, card and figures."""
