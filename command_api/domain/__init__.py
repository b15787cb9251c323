"""The rules, as pure deciders: from a command and what is known to a decision. No I/O, no clock, no await.

They must not know HTTP, PostgreSQL or how a decision is carried out.
"""
