"""Sound as memory: numbered samples, no devices, no clock, no events.

Import from the modules: `player` (what plays), `ring` and `spans` (what it is
made of), `pcm`, `g711`, `resample`, `levels` (what is done to samples). numpy
is needed by all of them, soxr only where a rate is changed.
"""
