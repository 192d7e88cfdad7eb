"""What a case for a rule is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from realtime_raw.explain import Severity
from tests.protocol.harness import Desk

Scene = Callable[[], Desk]


@dataclass
class Case:
    """A rule at work: `scene` triggers it with this severity and proof, `near` must not.

    `says` stands in the finding; `proof` is the type of a message that is cited.
    """

    rule: str
    scene: Scene
    near: Scene
    proof: str | None = None
    severity: Severity = "warning"
    says: str = ""


class Cases(list[Case]):
    """A table of cases; call it to add one."""

    def __call__(
        self,
        rule: str,
        scene: Scene,
        near: Scene,
        proof: str | None = None,
        severity: Severity = "warning",
        says: str = "",
    ) -> None:
        self.append(Case(rule, scene, near, proof, severity, says))
