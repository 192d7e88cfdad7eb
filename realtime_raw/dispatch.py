"""Who wants which event: a registry from kinds to handlers, resolved by class and by name.

Running the handlers, waiting for them and reporting their failures are the
shell's affair. A kind is an event or signal class (subclasses included), a
wire name, a signal's name, or `"*"`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeAlias, TypeVar, overload

from .errors import LocalProtocolError
from .events.base import ClientEvent, ServerEvent
from .events.catalog import DIALECTS
from .events.retired import event_hint
from .protocol.signals import SIGNALS, Signal
from .text import safe

__all__ = ["Event", "Kind", "Registry", "Subscription", "check_kind", "has_one_name", "name_of"]

Event: TypeAlias = ServerEvent | ClientEvent | Signal
Kind: TypeAlias = type[Event] | str

E = TypeVar("E", bound=Event)
E_contra = TypeVar("E_contra", contravariant=True)

_ALL = "*"
# So alike is a slip of the finger; names of other vendors' events are further away.
_ALIKE = 0.9
# Names come from the server: a flood of unknown ones must not fill the memory.
_REMEMBERED = 1024


def name_of(event: Event) -> str:
    """An event's name: the wire type, or the signal's name."""
    return event.name if isinstance(event, Signal) else event.type


def has_one_name(cls: type[Event]) -> bool:
    """Whether all events of a class have one name; those that are unknown or invalid have any."""
    return bool(cls.name if issubclass(cls, Signal) else cls.wire_type)


def check_kind(kind: object) -> None:
    """Raise `LocalProtocolError` for a kind that no event will ever be.

    A name nobody knows is accepted, as other servers have events of their own;
    a retired one is not, and neither is one a letter away from a known name.
    """
    if isinstance(kind, type) and issubclass(kind, (ServerEvent, ClientEvent, Signal)):
        return
    if not isinstance(kind, str):
        raise LocalProtocolError(
            f"{kind!r} is no kind of event",
            hint='give an event or signal class, a name such as "response.done", or "*"',
        )
    if kind == _ALL or kind in _names():
        return
    retired = event_hint(kind)
    if retired is not None:
        raise LocalProtocolError(f"no event is called {safe(kind)!r}", hint=retired)
    from difflib import get_close_matches  # only a mistake pays for it

    near = get_close_matches(kind, _names(), n=1, cutoff=_ALIKE)
    if near:
        raise LocalProtocolError(f"no event is called {safe(kind)!r}", hint=f"did you mean {near[0]!r}?")


@functools.cache
def _names() -> frozenset[str]:
    wire = (name for d in DIALECTS.values() for table in (d.client, d.server) for name in table)
    return frozenset((*wire, *SIGNALS))


class Subscription(Generic[E_contra]):
    """A handler in its place. Callable like the handler itself; `off()` ends it."""

    __slots__ = ("__weakref__", "_registry", "handler", "is_async", "kinds")

    def __init__(
        self, registry: Registry, kinds: tuple[Kind, ...], handler: Callable[[E_contra], object]
    ) -> None:
        self._registry = registry
        self.kinds = kinds
        self.handler = handler
        self.is_async = _is_async(handler)

    def __call__(self, event: E_contra) -> object:
        """Call the handler, as if it had never been subscribed."""
        return self.handler(event)

    def off(self) -> None:
        """End the subscription; a second time does nothing."""
        self._registry.remove(self)

    @property
    def label(self) -> str:
        """The handler's name, for reports."""
        inner = _innermost(self.handler)
        return inner.__qualname__ if inspect.isroutine(inner) else type(inner).__qualname__

    def wants(self, cls: type[Event], name: str) -> bool:
        """Whether events of a class and name are of one of the kinds."""
        return any(_is(cls, name, kind) for kind in self.kinds)

    def __repr__(self) -> str:
        kinds = ", ".join(kind if isinstance(kind, str) else kind.__name__ for kind in self.kinds)
        return f"<Subscription {self.label} on {kinds}>"


class Registry:
    """Subscriptions in the order in which they were made; found once per class and name of event."""

    def __init__(self, on_change: Callable[[], object] = lambda: None) -> None:
        # Called with each change: what was resolved before is no longer true.
        self._changed = on_change
        self._subscriptions: list[Subscription[Any]] = []
        self._resolved: dict[tuple[type, str], tuple[Subscription[Any], ...]] = {}

    def __iter__(self) -> Iterator[Subscription[Any]]:
        return iter(tuple(self._subscriptions))

    @overload
    def on(self, kind: type[E]) -> Callable[[Callable[[E], object]], Subscription[E]]: ...
    @overload
    def on(self, kind: str) -> Callable[[Callable[[Any], object]], Subscription[Any]]: ...
    def on(self, kind: type[Any] | str) -> Callable[[Callable[[Any], object]], Subscription[Any]]:
        """Subscribe the function this is applied to: `@registry.on(ResponseDone)` or `registry.on("*")(f)`.

        Raises `LocalProtocolError` for a kind that no event will ever be.
        """
        check_kind(kind)
        return lambda handler: self.add((kind,), handler)

    def add(self, kinds: tuple[Kind, ...], handler: Callable[[Any], object]) -> Subscription[Any]:
        """Subscribe `handler` to events of any of `kinds`.

        Stacked decorators subscribe the same function several times. Raises
        `LocalProtocolError` for a kind that no event will ever be, and for
        what cannot be called.
        """
        for kind in kinds:
            check_kind(kind)
        if isinstance(handler, Subscription):
            handler = handler.handler
        if not callable(handler):
            raise LocalProtocolError(f"a handler is a function of one event, not {handler!r}")
        subscription: Subscription[Any] = Subscription(self, kinds, handler)
        self._subscriptions.append(subscription)
        self._forget()
        return subscription

    def remove(self, subscription: Subscription[Any]) -> None:
        """End a subscription; one that is not here is no fault."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            self._forget()

    def off(self, handler: Callable[[Any], object]) -> None:
        """End every subscription of a handler."""
        if isinstance(handler, Subscription):
            handler = handler.handler
        for subscription in self:
            if subscription.handler == handler:
                self.remove(subscription)

    def _forget(self) -> None:
        self._resolved.clear()
        self._changed()

    def resolve(self, event: Event) -> tuple[Subscription[Any], ...]:
        """The subscriptions an event concerns, in the order in which they were made."""
        return self.wanting(type(event), name_of(event))

    def wanting(self, cls: type[Event], name: str) -> tuple[Subscription[Any], ...]:
        """The subscriptions that events of a class and name concern, before there is such an event."""
        found = self._resolved.get((cls, name))
        if found is None:
            found = tuple(one for one in self._subscriptions if one.wants(cls, name))
            if len(self._resolved) < _REMEMBERED:
                self._resolved[cls, name] = found
        return found


def _is(cls: type[Event], name: str, kind: Kind) -> bool:
    if isinstance(kind, str):
        return kind in (_ALL, name)
    return issubclass(cls, kind)


def _innermost(handler: Callable[..., object]) -> Callable[..., object]:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return handler


def _is_async(handler: Callable[..., object]) -> bool:
    inner = _innermost(handler)
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(type(inner).__call__)
