"""The routes, one module per noun: who may see what, and how an answer is put together from looked-up rows.

They must not know SQL nor how freshness is kept.
"""
