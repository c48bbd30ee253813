"""Train, measure and export a family of chest-radiograph variants for Alara."""
