"""Every server event of every dialect is either routed or left out for a stated reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from realtime_raw.events import catalog
from realtime_raw.events.base import ServerEvent
from realtime_raw.protocol.reactions import ROUTES, UNROUTED

EVENTS = {*catalog.REALTIME.server.values(), *catalog.TRANSLATION.server.values()}


def by_name(event: type[ServerEvent]) -> str:
    """For sorting, and for the names of tests."""
    return event.__name__


def misrouted(
    events: Iterable[type[ServerEvent]],
    routes: Mapping[type[ServerEvent], tuple[str, ...]],
    unrouted: Mapping[type[ServerEvent], str],
) -> list[str]:
    """Events in neither table or in both, entries that are no event, routes and reasons that are empty."""
    known = set(events)
    return sorted(
        [f"{event.__name__}: in neither" for event in known - routes.keys() - unrouted.keys()]
        + [f"{event.__name__}: in both" for event in routes.keys() & unrouted.keys()]
        + [f"{event.__name__}: no event" for event in (routes.keys() | unrouted.keys()) - known]
        + [
            f"{event.__name__}: nothing said"
            for table in (routes, unrouted)
            for event in table
            if not table[event]
        ]
    )


def test_no_event_is_forgotten() -> None:
    """A new event must be routed on purpose, or left out on purpose."""
    assert misrouted(EVENTS, ROUTES, UNROUTED) == []


ROUTED: list[type[ServerEvent]] = sorted(ROUTES, key=by_name)


@pytest.mark.parametrize("event", ROUTED, ids=by_name)
def test_a_route_names_a_component_once(event: type[ServerEvent]) -> None:
    """No event is applied twice to one component."""
    assert len(set(ROUTES[event])) == len(ROUTES[event])


def test_the_check_bites() -> None:
    """Each way to be wrong is found."""
    first, second, third = sorted(EVENTS, key=by_name)[:3]
    found = misrouted({first, second}, {second: (), third: ("x",)}, {second: "y"})
    assert found == sorted(
        [
            f"{first.__name__}: in neither",
            f"{second.__name__}: in both",
            f"{second.__name__}: nothing said",
            f"{third.__name__}: no event",
        ]
    )
