"""Sound in and out: what a source and a sink are (`base`), files as both (`files`), a fake one (`fake`)."""

from .base import AudioSink, AudioSource, Pull
from .fake import FakeOutput
from .files import AudioWriter, FileSink, FileSource, LoadedAudio, load_audio, load_stream

__all__ = [
    "AudioSink",
    "AudioSource",
    "AudioWriter",
    "FakeOutput",
    "FileSink",
    "FileSource",
    "LoadedAudio",
    "Pull",
    "load_audio",
    "load_stream",
]
