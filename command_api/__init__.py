"""The command API: intentions come in over HTTP, are decided, and become events in the log.

It must not read views or know how they are made.
"""
