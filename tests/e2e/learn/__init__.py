"""The learner's page but for its chat, in a real browser."""
