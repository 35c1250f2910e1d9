"""How often a store is asked: so many requests a minute, and a few at once before that."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """``a_minute`` requests, of which ``burst`` may go at once after a rest."""

    a_minute: int
    burst: int

    @classmethod
    def of(cls, a_minute: int | None) -> "Rate | None":
        """An operator's own: half of a minute's may go at once."""
        return None if a_minute is None else cls(a_minute, (a_minute + 1) // 2)


class Pace:
    """Hands out moments for requests: the generic cell rate algorithm, in seconds of a clock that only goes on."""

    def __init__(self, rate: Rate | None) -> None:
        """None: no bound."""
        self._step = 60 / rate.a_minute if rate else 0.0
        self._ahead = self._step * (rate.burst - 1) if rate else 0.0
        self._next = float("-inf")  # when the request after those handed out would be due at an even pace
        self._resting = float("-inf")

    def take(self, now: float, most: float) -> float | None:
        """Seconds to wait before a request, which then counts; None where that is over ``most``: it does not count."""
        due = max(self._next, now)
        wait = max(due - self._ahead, self._resting, now) - now
        if wait > most:
            return None
        self._next = due + self._step
        return wait

    def rest(self, until: float) -> None:
        """Nobody goes before that moment."""
        self._resting = max(self._resting, until)
