"""Verbs of `alara-train` that live in files of their own."""
