"""The operations worker: carries out what operators ask for at the desk.

It must not know who asks, nor HTTP beyond its own health.
"""
