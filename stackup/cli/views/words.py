"""Names and verbs of resources in docker compose's words: `Container shop-web-1  Started`."""

from __future__ import annotations

from stackup.cli.terminal import visible
from stackup.reconcile.plan import Plan, Verb
from stackup.reconcile.resource import Until

DOING = {
    Verb.STOP: "Stopping",
    Verb.RELEASE: "Releasing",
    Verb.DELETE: "Removing",
    Verb.CREATE: "Creating",
    Verb.UPDATE: "Updating",
    Verb.START: "Starting",
    Verb.AWAIT: "Waiting",
}
DONE = {
    Verb.STOP: "Stopped",
    Verb.RELEASE: "Released",
    Verb.DELETE: "Removed",
    Verb.CREATE: "Created",
    Verb.UPDATE: "Updated",
    Verb.START: "Started",
    Verb.AWAIT: "Ready",
}
PULLED, BUILT = ("Pulling", "Pulled"), ("Building", "Built")
"""What making an image is."""
REACHED = {Until.STARTED: "Running", Until.HEALTHY: "Healthy", Until.COMPLETED: "Exited", Until.EXISTS: "Created"}


class Pushing:
    """The words of a push, which has no plan to learn from."""

    def title(self, address: str) -> str:
        return f"Image {address.removeprefix('image/')}"

    def doing(self, step: int, verb: str) -> str:
        return "Pushing"

    def done(self, step: int, verb: str) -> str:
        return "Pushed"

    def is_last(self, step: int, address: str) -> bool:
        return True


class Words:
    """Learns the names from a plan before it is applied; an address without one is shown as it is."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._until: dict[int, Until] = {}
        self._last: dict[str, int] = {}
        self._images: dict[int, tuple[str, str]] = {}

    def learn(self, plan: Plan) -> None:
        self._until = {step.id: step.until for step in plan.steps if step.until}
        self._last = {str(step.address): step.id for step in plan.steps}
        built = {change.address for change in plan.changes if change.desired and "build" in change.desired.spec}
        images = [step for step in plan.steps if step.address.kind == "image"]
        self._images = {step.id: BUILT if step.address in built else PULLED for step in images}
        for change in plan.changes:
            spec = change.desired.spec if change.desired else change.observed.recorded if change.observed else {}
            name = spec.get("name") or change.address.name
            self._titles[str(change.address)] = visible(f"{change.address.kind.capitalize()} {name}")

    def title(self, address: str) -> str:
        return self._titles.get(address, address)

    def doing(self, step: int, verb: str) -> str:
        return self._images[step][0] if step in self._images else DOING[Verb(verb)]

    def done(self, step: int, verb: str) -> str:
        until = self._until.get(step)
        return self._images[step][1] if step in self._images else REACHED[until] if until else DONE[Verb(verb)]

    def is_last(self, step: int, address: str) -> bool:
        """Whether nothing more happens to the address after this step."""
        return self._last.get(address) == step
