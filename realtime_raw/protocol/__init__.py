"""The sans-I/O core: server messages and `now` in, events and client messages out.

Nothing here waits, reads a clock, rolls dice or touches a socket.
"""
