"""The log, for those who follow it: implementations of `events.ports.EventLog`, one module for each source.

It must not know who follows nor what the events mean.
"""
