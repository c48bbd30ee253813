"""The networks that a family can be trained with, all alike: a film in, logits and their exact map out."""
