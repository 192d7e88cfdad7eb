"""The screen of a session: what is shown is a pure function of a state; one file touches the terminal.

`model` is the state, `view` makes rows of it, `status` the bottom one, and
`painter` the bytes that turn one picture into the next. `keys` reads bytes as
keys, `editor` holds the line being typed, `book` says which transcript lines
have come to rest. All of that is pure and tested without a terminal, which
is `terminal`'s.
"""
