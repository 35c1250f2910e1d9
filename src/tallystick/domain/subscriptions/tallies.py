"""What flowed into and out of wallets since their periods began, remembered up to an entry's number.

Entries never change, so what was summed up stays: only newer ones are read, in batches for all who wait, and of usage
that comes right after what is known not even those.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from tallystick.db.pool import Database, Tx
from tallystick.db.together import Together
from tallystick.domain.ledger.flows import Asked, Flow, Opening, Span, flows, openings
from tallystick.domain.ledger.model import Entry
from tallystick.domain.ledger.whole import USAGE

_MOST: Final = 50_000


class _Sum(NamedTuple):
    """What flowed in a period, whose first entry is ``low``, up to an entry."""

    start: datetime
    low: int
    flow: Flow


@dataclass(slots=True)
class _Known:
    """The sums of an account up to the entry ``seq``, by credit type."""

    seq: int
    sums: dict[str, _Sum] = field(default_factory=dict)


class _Ask(NamedTuple):
    """The flows of some credit types, each of its period, up to an entry. ``keep``: they may be remembered."""

    account: int
    periods: Mapping[str, datetime]
    seq: int
    keep: bool = True


class Tallies:
    """Keeps them; one for a process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[int, _Known] = {}
        self._reading: Together[_Ask, dict[str, Flow]] = Together(self._read)

    async def until(
        self, account: int, starts: Mapping[str, datetime], seq: int, *, keep: bool = True
    ) -> dict[str, Flow]:
        """What flowed in the period of each credit type, by its ``starts``, up to the entry ``seq``.

        ``keep``: it is the present one. That the account is the caller's tenant's, it has checked. Raises Unavailable.
        """
        return await self._reading.ask(_Ask(account, starts, seq, keep)) if starts else {}

    def next(self, account: int, entry: Entry, start: datetime) -> Flow | None:
        """What flowed until an entry, without a read: if it is usage, and the next after what is known."""
        known = self._known.get(account)
        if known is None or entry.seq != known.seq + 1 or entry.kind not in USAGE:
            return None
        found = known.sums.get(entry.credit_type)
        if found is None or found.start != start:
            return None
        flow = found.flow.spent(entry)
        known.seq = entry.seq
        known.sums[entry.credit_type] = _Sum(start, found.low, flow)
        return flow

    async def _read(self, asks: Sequence[_Ask]) -> list[dict[str, Flow]]:
        async with self._db.connection() as conn:
            return await _Batch(self._known, asks).read(conn)


class _Batch:
    """Questions of many accounts, answered with two statements.

    Others add to what is known meanwhile, so it is copied first. What is learnt replaces it where it reaches further or
    has more types: both are exact.
    """

    def __init__(self, known: dict[int, _Known], asks: Sequence[_Ask]) -> None:
        self._known = known
        self._asks = asks

    async def read(self, conn: Tx) -> list[dict[str, Flow]]:
        answers: list[dict[str, Flow]] = [{} for _ in self._asks]
        together: dict[int, _Track] = {}
        tracks: list[_Track] = []
        for place, ask in enumerate(self._asks):
            track = together.get(ask.account)
            if not (ask.keep and track is not None and track.take(place, ask)):
                known = self._known.get(ask.account) if ask.keep else None
                track = _Track(ask.account, known, keep=ask.keep)
                track.take(place, ask)
                tracks.append(track)
                if ask.keep:
                    together.setdefault(ask.account, track)
        opened = [one for track in tracks for one in track.to_open()]
        begun = iter(await openings(conn, opened))
        for track in tracks:
            track.begin(begun)
        parts = iter(await flows(conn, [span for track in tracks for span in track.spans()]))
        for track in tracks:
            track.answer(parts, answers)
            if track.keep:
                self._remember(track)
        return answers

    def _remember(self, track: "_Track") -> None:
        # a period without an entry is not final: one that is posted late may still come before it
        sums = {code: one for code, one in track.sums.items() if one.low <= track.seq}
        before = self._known.get(track.account)
        if (
            before is None
            or track.seq > before.seq
            or sums.keys() - before.sums.keys()
            or _begun(sums, before)
        ):
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[track.account] = _Known(track.seq, sums)


def _begun(sums: Mapping[str, _Sum], before: _Known) -> bool:
    """Whether the period of a type is another than the one that is known."""
    return any(one.start != before.sums[code].start for code, one in sums.items())


class _Track:
    """One account's questions, and the sums by which they are answered: known ones, and those of periods that are
    opened now. From where a sum stands it is led to each entry that is asked for, and then to the last."""

    def __init__(self, account: int, known: _Known | None, *, keep: bool) -> None:
        self.account = account
        self.keep = keep
        self.sums: dict[str, _Sum] = {} if known is None else dict(known.sums)
        self.seq = 0 if known is None else known.seq
        self._stands = dict.fromkeys(self.sums, self.seq)
        self._starts: dict[str, datetime] = {}
        self._asked: dict[str, dict[int, list[int]]] = {}
        self._opened: list[str] = []
        self._legs: list[tuple[str, int, bool]] = []

    def take(self, place: int, ask: _Ask) -> bool:
        """Answer this question too, unless it means another period of a type than those before it."""
        if any(self._starts.get(code, start) != start for code, start in ask.periods.items()):
            return False
        self._starts.update(ask.periods)
        self.seq = max(self.seq, ask.seq)
        for code in ask.periods:
            self._asked.setdefault(code, {}).setdefault(ask.seq, []).append(place)
        return True

    def to_open(self) -> list[Asked]:
        self._opened = [
            code
            for code, start in self._starts.items()
            if code not in self.sums or self.sums[code].start != start
        ]
        return [Asked(self.account, code, self._starts[code]) for code in self._opened]

    def begin(self, begun: Iterator[Opening]) -> None:
        for code in self._opened:
            low, flow = next(begun)
            self.sums[code] = _Sum(self._starts[code], low, flow)
            self._stands[code] = low - 1

    def spans(self) -> Iterator[Span]:
        """What must be read, in the order in which `answer` takes it."""
        for code, one in self.sums.items():
            stands = self._stands[code]
            points = sorted({*self._asked.get(code, ()), self.seq})
            back = [point for point in reversed(points) if point < stands]
            ahead = [point for point in points if point >= stands]
            for way, forward in ((back, False), (ahead, True)):
                at = stands
                for point in way:
                    self._legs.append((code, point, forward))
                    yield Span(self.account, code, one.low, min(at, point), max(at, point))
                    at = point

    def answer(self, parts: Iterator[Flow], answers: list[dict[str, Flow]]) -> None:
        last: dict[tuple[str, bool], Flow] = {}
        for code, point, forward in self._legs:
            flow = last.get((code, forward), self.sums[code].flow)
            part = next(parts)
            flow = last[code, forward] = flow + part if forward else flow - part
            for place in self._asked.get(code, {}).get(point, ()):
                answers[place][code] = flow
        for code, one in self.sums.items():
            # (a period that begins after the last entry stands beyond it, and is not remembered)
            self.sums[code] = one._replace(flow=last.get((code, True), one.flow))
