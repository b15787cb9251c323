"""The front door: the `mimo` command and the supervisor that runs the whole system on one machine.

It may know every other package; none of them knows it.
"""
