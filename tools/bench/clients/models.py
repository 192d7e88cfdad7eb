"""The events of this package as one discriminated union, without anything around it."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from realtime_raw.events.catalog import REALTIME

__all__ = ["UNION"]

_members: Any = reduce(or_, REALTIME.server.values())
UNION: TypeAdapter[object] = TypeAdapter(Annotated[_members, Field(discriminator="type")])
