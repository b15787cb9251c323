"""The language of mimoApp: events, their catalogue, errors and ports.

Everything else speaks it; it knows nothing of PostgreSQL, Kafka, HTTP or the clock.
"""
