"""The asyncio shell: everything that waits, and no rule of the protocol.

`connect` opens a session, `connection` is what the user holds, `driver` moves
messages between a transport and the core. A shell for another event loop
would be a folder beside this one, against the same core.
"""
