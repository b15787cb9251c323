"""Kafka: how a cluster is reached, its topics, and a broker of one's own.

It must not know events or who publishes them.
"""
