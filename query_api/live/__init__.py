"""Live updates: what happens in a channel, pushed to whoever listens, once and in order (docs/live.md).

It must not know how views are made; it follows the log itself.
"""
