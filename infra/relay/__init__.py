"""The relay: copies the log to Kafka, each partition in order, without gap or double (docs/architecture.md).

It must not know projections, commands or queries, nor what is in the events.
"""
