"""The web kit both APIs stand on: problems, the shell around requests, lean routes, tokens at the door, health.

It must not know any command, view or rule of the product.
"""
