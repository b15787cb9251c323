"""The relay: the process that copies the log to Kafka.

It must not know projections, commands or queries.
"""
