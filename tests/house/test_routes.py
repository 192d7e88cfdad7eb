"""Every server event of every dialect is either routed or left out for a stated reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from realtime_raw.events import catalog
from realtime_raw.protocol.reactions import ROUTES, UNROUTED

EVENTS = {*catalog.REALTIME.server, *catalog.TRANSLATION.server}


def misrouted(
    events: Iterable[str], routes: Mapping[str, tuple[str, ...]], unrouted: Mapping[str, str]
) -> list[str]:
    """Wire types in neither table or in both, entries that are none, routes and reasons that are empty."""
    known = set(events)
    return sorted(
        [f"{event}: in neither" for event in known - routes.keys() - unrouted.keys()]
        + [f"{event}: in both" for event in routes.keys() & unrouted.keys()]
        + [f"{event}: no event" for event in (routes.keys() | unrouted.keys()) - known]
        + [f"{event}: nothing said" for table in (routes, unrouted) for event in table if not table[event]]
    )


def test_no_event_is_forgotten() -> None:
    """A new event must be routed on purpose, or left out on purpose."""
    assert misrouted(EVENTS, ROUTES, UNROUTED) == []


@pytest.mark.parametrize("event", sorted(ROUTES))
def test_a_route_names_a_component_once(event: str) -> None:
    """No event is applied twice to one component."""
    assert len(set(ROUTES[event])) == len(ROUTES[event])


def test_the_check_bites() -> None:
    """Each way to be wrong is found."""
    first, second, third = sorted(EVENTS)[:3]
    found = misrouted({first, second}, {second: (), third: ("x",)}, {second: "y"})
    assert found == sorted(
        [
            f"{first}: in neither",
            f"{second}: in both",
            f"{second}: nothing said",
            f"{third}: no event",
        ]
    )
