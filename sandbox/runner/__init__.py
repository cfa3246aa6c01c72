"""What runs inside the box, as PID 1: the supervisor. Standard library only, the same for every backend.

The sources are sent in over standard input at each start (`solvent.sandbox.boot`), so a box needs nothing but a
Python interpreter and the languages, and supervisor and service are always of one version.
"""
