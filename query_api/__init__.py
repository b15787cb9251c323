"""The query API: views out. It reads `read.*` and the log's tail, and nothing else; it never writes.

It must not know how commands are decided nor how views are built.
"""
