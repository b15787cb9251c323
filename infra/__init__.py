"""The outside world: the only package that names PostgreSQL, Kafka, sockets, files or the environment.

It knows the language in `events` and nothing of the applications that use it.
"""
