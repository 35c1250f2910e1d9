"""What the double keeps: objects by id, and the events that tell of them."""

import copy
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

Thing = dict[str, Any]


class Refusal(Exception):
    """An answer that is an error of Stripe's."""

    def __init__(self, status: int, type: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": type, "message": message, **more}


def invalid(message: str, **more: Any) -> Refusal:
    return Refusal(400, "invalid_request_error", message, **more)


class Shelf:
    """Objects in the order they were made. All of it under the caller's lock."""

    def __init__(self, base: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        self.base = base
        self.clock = clock
        self.things: dict[str, Thing] = {}
        self.events: list[Thing] = []
        self._numbers = itertools.count(1)

    def now(self) -> int:
        return int(self.clock())

    def make(self, prefix: str, object: str, **fields: Any) -> Thing:
        """A new object, which has the fields that every object has."""
        id = f"{prefix}_double{next(self._numbers):06d}"
        thing = {
            "id": id,
            "object": object,
            "created": self.now(),
            "livemode": False,
            "metadata": {},
            **fields,
        }
        self.things[id] = thing
        return thing

    def get(self, id: str | None, object: str, param: str = "id") -> Thing:
        """The object with this id. Refuses as Stripe does when there is none of this kind."""
        thing = self.things.get(id or "")
        if thing is None or thing["object"] != object:
            raise Refusal(
                404 if param == "id" else 400,
                "invalid_request_error",
                f"No such {object}: '{id}'",
                code="resource_missing",
                param=param,
            )
        return thing

    def all(self, object: str, **fields: Any) -> list[Thing]:
        """Objects of a kind with these values, newest first."""
        found = [
            thing
            for thing in self.things.values()
            if thing["object"] == object and all(thing.get(key) == value for key, value in fields.items())
        ]
        return found[::-1]

    def tell(self, type: str, thing: Thing, before: Thing | None = None) -> Thing:
        """Record an event: the object as it is now."""
        data: Thing = {"object": copy.deepcopy(thing)}
        if before is not None:
            data["previous_attributes"] = before
        event = self.make("evt", "event", type=type, data=data, api_version="2026-10-28.endive")
        del event["metadata"]
        self.events.append(event)
        return event

    def page(self, found: Sequence[Thing], params: Thing, url: str) -> Thing:
        """One page of a list, by ``limit``, ``starting_after`` and ``created``."""
        created = params.get("created")
        if isinstance(created, dict) and "gte" in created:
            found = [thing for thing in found if thing["created"] >= int(created["gte"])]
        after, limit = params.get("starting_after"), int(params.get("limit", 10))
        if not 1 <= limit <= 100:
            raise invalid("This value must be between 1 and 100.", param="limit")
        if after is not None:
            ids = [thing["id"] for thing in found]
            found = found[ids.index(after) + 1 :] if after in ids else []
        rows = [self.shown(thing, _inner(params)) for thing in found[:limit]]
        return {"object": "list", "url": url, "has_more": len(found) > limit, "data": rows}

    def shown(self, thing: Thing, paths: Sequence[str] = ()) -> Thing:
        """A copy of an object, with what is named in ``paths`` told whole."""
        shown = copy.deepcopy(thing)
        for path in paths:
            self._expand(shown, path.split("."))
        return shown

    def _expand(self, shown: Thing, path: Sequence[str]) -> None:
        head, rest = path[0], path[1:]
        if head not in shown:
            raise invalid(f"This property cannot be expanded ({head}).")
        if isinstance(shown[head], str):
            shown[head] = copy.deepcopy(self.things[shown[head]])
        if rest and isinstance(shown[head], dict):
            self._expand(shown[head], rest)


def _inner(params: Thing) -> list[str]:
    return [path.removeprefix("data.") for path in params.get("expand", [])]
