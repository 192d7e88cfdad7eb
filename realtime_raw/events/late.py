"""Models whose fields are collected when somebody first looks at the class.

Pydantic collects them where a class is defined, in a quarter of a millisecond
each. Of the two hundred classes of the wire a call needs a third; the others
would take a seventh of the time from a cold start to a connection.

A class statement of this package therefore makes a bare class, with its name,
its bases and its `wire_type`, and keeps the body. Asked for anything else, or
called, the class is first finished: pydantic's metaclass gets the body, and
where it would have a class made of it, it is handed the one that is there.
From then on nothing tells it from any other model.
"""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

__all__ = ["LateModel"]

if TYPE_CHECKING:
    LateModel = BaseModel
else:
    from abc import ABCMeta
    from functools import partial
    from threading import RLock, get_ident

    _Model = type(BaseModel)
    _PACKAGE = __name__.partition(".")[0] + "."
    # What a class is told from others by. Whoever asks for no more can wait.
    _FREE = frozenset(
        (
            "__bases__",
            "__class__",
            "__doc__",
            "__module__",
            "__mro__",
            "__name__",
            "__qualname__",
            "wire_type",
        )
    )
    # What a bare class has from the start.
    _GIVEN = ("__module__", "__qualname__", "__doc__", "__classcell__")
    # What Python does more with than to store it: classes with one of these are made at once.
    _SPECIAL = frozenset(("__class_getitem__", "__eq__", "__init_subclass__", "__new__", "__slots__"))
    # The bodies of the classes that are not finished.
    _bodies = {}
    # The thread that is finishing a class. To all others the class is as bare as before.
    _makers = {}
    # Two threads may be the first to look at a class; and finishing one finishes its bases.
    _lock = RLock()

    class _Handing(ABCMeta):
        """Where pydantic's metaclass asks for a class."""

        def __new__(mcs, name, bases, body, *, handed=None, **options):
            if handed is None:
                return super().__new__(mcs, name, bases, body, **options)
            for key, value in body.items():
                if key not in _GIVEN:
                    type.__setattr__(handed, key, value)
                    if (named := getattr(type(value), "__set_name__", None)) is not None:
                        named(value, handed, key)
            return handed

    class _Made(_Model, _Handing):
        """Of finished models, and of those that were made at once."""

        def __new__(mcs, name, bases, body, **options):
            models = [base for base in bases if isinstance(base, _Made)]
            ours = body.get("__module__", "").startswith(_PACKAGE)
            if not models or not ours or options or not _SPECIAL.isdisjoint(body):
                return _Model.__new__(_Made, name, bases, body, **options)
            for base in models:
                _finish(base)
            bare = {key: body[key] for key in _GIVEN if key in body}
            if isinstance(body.get("type"), str) and hasattr(models[0], "wire_type"):
                bare["wire_type"] = body["type"]
            made = ABCMeta.__new__(_Bare, name, bases, bare)
            _bodies[made] = {key: value for key, value in body.items() if key != "__classcell__"}
            return made

    class _Bare(_Made):
        """Of models that are not finished."""

        def __getattribute__(cls, name):
            # Whoever is finishing it asks a thousand times.
            if name not in _FREE and _makers.get(cls) != get_ident():
                _finish(cls)
            return type.__getattribute__(cls, name)

        def __setattr__(cls, name, value):
            _finish(cls)
            type.__setattr__(cls, name, value)

        def __delattr__(cls, name):
            _finish(cls)
            type.__delattr__(cls, name)

        def __call__(cls, *args, **named):
            _finish(cls)
            return cls(*args, **named)

    def _finish(cls):
        if type(cls) is not _Bare:
            return
        with _lock:
            body = _bodies.pop(cls, None)
            if body is None:  # made meanwhile, or being made by whoever asks
                return
            name, bases = cls.__name__, cls.__bases__
            _makers[cls] = get_ident()
            try:
                _apart(partial(_Model.__new__, _Made, name, bases, {**body}, handed=cls))
            except BaseException:
                _bodies[cls] = body
                raise
            finally:
                del _makers[cls]
            type.__setattr__(cls, "__class__", _Made)

    def _apart(make):
        """Pydantic looks for names in the frame that a class is made in: here it finds nothing of ours."""
        return make()

    class LateModel(BaseModel, metaclass=_Made):
        """A model of this package, made when it is first looked at. Not one itself."""

        model_config = ConfigDict(defer_build=True)
