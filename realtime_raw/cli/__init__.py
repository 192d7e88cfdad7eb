"""The command line: one command per file, each a thin use of the library's public names.

What the commands share lives here too: `output` (where words go), `running`
(exit codes), `options` and `target` (which server), `files` (sound in and
out). No rule of the protocol is here; a command that needs a private name has
found something the library lacks.
"""
