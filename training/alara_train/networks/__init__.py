"""The networks of a family: each maps a film to logits and to their exact class-activation map."""
