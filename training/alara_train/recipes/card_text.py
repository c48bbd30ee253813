"""The paragraphs of a model card that depend on the recipe and on the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CardText:
    """Lines of Markdown, as an input of the card."""

    verb: str
    """The verb of `alara-train` that made the family."""
    data: list[str]
    """Section *Data*."""
    recipe: list[str]
    """Section *Recipe*."""
    sizes: str
    """What a difference between sizes does not show."""
    limits: list[str]
    """Section *Limits*."""
