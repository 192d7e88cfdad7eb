"""The benchmark: this client, its peers and the floors, each column measured in one run.

    python -m tools.bench [--quick] [--only COLUMN] [--profile CLIENT] [--write]

A server in a process of its own sends what was serialised beforehand
(`blaster`, `stream`); each client runs in a new process for each repetition
(`worker`), the clients take turns, and medians are compared. Judged is CPU
time, the kernel's included, of the client's process alone.
"""
