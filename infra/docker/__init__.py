"""Containers: what docker-compose.yml builds and runs (docs/deployment.md).

It must not know what the applications do.
"""
