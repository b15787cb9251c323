"""Log to views: each projection folds events into tables that readers see.

It must not know commands or HTTP routes of the product, and never has side effects beyond its tables.
"""
