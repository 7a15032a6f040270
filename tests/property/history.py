"""What happened in a book: a list, and loops over it.

Nothing is kept up to date: whatever is asked for is summed up anew from the beginning.
"""

from typing import Any, NamedTuple

from yupana_server.book.commands import Side, WindowLimit

SLOTS = 60
SECOND = 1_000_000

Event = dict[str, Any]
"""Something that happened, with `what`, and the `seq` and the time (`at`) of its entry."""


class Totals(NamedTuple):
    """The sums of an account."""

    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int

    @property
    def balance(self) -> int:
        """Credits less debits."""
        return self.credits_posted - self.debits_posted

    @property
    def available(self) -> int:
        """What can be spent."""
        return self.balance - self.debits_pending

    @property
    def standing(self) -> int:
        """What a ceiling looks at."""
        return self.balance + self.credits_pending


class History:
    """What happened so far. An attempt that fails is undone by cutting the list."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.seq = 0
        self.time = 0

    def point(self) -> tuple[int, int, int]:
        return len(self.events), self.seq, self.time

    def back_to(self, point: tuple[int, int, int]) -> None:
        count, self.seq, self.time = point
        del self.events[count:]

    def entry(self, id_: str, now: int) -> None:
        """Begin a new entry: time strictly increases, whatever the clock says."""
        self.seq += 1
        self.time = max(now, self.time + 1)
        self.happens("entry", id=id_)

    def happens(self, what: str, **facts: Any) -> None:
        self.events.append({"what": what, "seq": self.seq, "at": self.time, **facts})

    def all(self, what: str) -> list[Event]:
        """Return all that happened of a kind."""
        return [event for event in self.events if event["what"] == what]

    def about(self, what: str, account: str) -> list[Event]:
        """Return all that happened of a kind to an account."""
        return [event for event in self.all(what) if event["account"] == account]

    def recorded(self, id_: str) -> bool:
        """Tell whether an entry before this one has the id."""
        return any(event["id"] == id_ and event["seq"] < self.seq for event in self.all("entry"))

    def assets(self) -> set[str]:
        """Return the assets that are open."""
        return {event["asset"] for event in self.all("asset")}

    def accounts(self) -> list[str]:
        """Return the accounts that are open or closed."""
        return [event["account"] for event in self.all("account")]

    def asset_of(self, account: str) -> str | None:
        """Return the asset of an account; None when it was never opened."""
        return next((event["asset"] for event in self.about("account", account)), None)

    def totals(self, account: str) -> Totals:
        """Sum up what was posted and what is pending."""
        posted, pending = {"debit": 0, "credit": 0}, {"debit": 0, "credit": 0}
        for event in self.events:
            for side in ("debit", "credit"):
                if event["what"] == "move" and event[side] == account:
                    posted[side] += event["amount"]
                if event["what"] == "reserve" and event[side] == account:
                    pending[side] += event["by"]
        return Totals(posted["debit"], posted["credit"], pending["debit"], pending["credit"])

    def last_seq(self, account: str) -> int:
        """Return the newest entry that changed an account."""
        touched = [
            int(event["seq"])
            for event in self.events
            if account in (event.get("account"), event.get("debit"), event.get("credit"))
        ]
        return touched[-1]

    def limits(self, account: str) -> Event:
        """Return floor, ceiling and windows of an account."""
        return self.about("limits", account)[-1]

    def frozen(self, account: str, side: str) -> bool:
        """Tell whether debits or credits of an account are frozen."""
        return any(event[f"{side}s"] for event in self.about("freeze", account)[-1:])

    def closed(self, account: str) -> bool:
        """Tell whether an account is closed."""
        return any(event["closed"] for event in self.about("closed", account)[-1:])

    def closed_before(self) -> int | None:
        """Return the first moment of the past that is open; None while all of it is."""
        closed = self.all("period")
        return closed[-1]["before"] if closed else None

    def used(self, account: str, window: WindowLimit, at: int) -> int:
        """Sum up the movements that count: those of the current slot and the 60 before it."""
        side = "debit" if window.side == Side.DEBIT else "credit"
        slot = window.length_s * SECOND // SLOTS
        total = 0
        for event in self.events[self._counts_since(account, window) :]:
            if event.get(side) != account or event["at"] // slot < at // slot - SLOTS:
                continue
            if event["what"] == "move" and event["kind"] != "capture":
                amount, times = event["amount"], 1
            elif event["what"] == "reserve" and event["by"] > 0:
                amount, times = event["by"], 1 if event["creates"] else 0
            else:
                continue
            total += amount if window.measure.name == "AMOUNT" else times if amount else 0
        return total

    def _counts_since(self, account: str, window: WindowLimit) -> int:
        """Return the place of the event that set the window; setting it again keeps the count."""
        since = None
        for place, event in enumerate(self.events):
            if event["what"] == "limits" and event["account"] == account:
                there = any(each[:3] == window[:3] for each in event["windows"])
                if not there:
                    since = None
                elif since is None:
                    since = place
        assert since is not None
        return since

    def holds(self) -> dict[str, Event]:
        """Return all that is true of the holds, in the order of their creation."""
        holds: dict[str, Event] = {}
        for event in self.events:
            hold = holds.get(event.get("hold", ""), {})
            if event["what"] == "hold":
                begins = {"captured": 0, "remaining": 0, "expires": None, "state": "open"}
                holds[event["hold"]] = {**event, "id": event["hold"], **begins}
            elif event["what"] == "reserve":
                hold["remaining"] += event["by"]
            elif event["what"] == "move" and event["kind"] == "capture":
                hold["captured"] += event["amount"]
            elif event["what"] == "deadline":
                hold["expires"] = event["expires"]
            elif event["what"] == "end":
                hold["state"] = event["state"]
        return holds

    def group(self, group: str | None) -> list[Event]:
        """Return the holds of a group, in the order of their creation."""
        return [hold for hold in self.holds().values() if hold["group"] == group]

    def reversed_amount(self, target: str) -> int:
        """Return how much of a transfer was moved back."""
        return sum(event["amount"] for event in self.all("move") if event["reverses"] == target)
