"""The verbs of `alara-train`."""
