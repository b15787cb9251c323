"""The public contract, generated from the event classes: JSON Schemas, AsyncAPI, the page, and what would break it.

It must not read or write files: `mimo events docs` does.
"""
