"""The chat of the learner's page, in a real browser."""
