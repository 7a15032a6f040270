"""The contract once more, as naively as possible.

Written from the comments of the protos and from the design, not from `yupana_server.book`, of which
it uses nothing but the commands. What happened is a list, and an attempt that fails is undone by
cutting it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from property.history import Event
from property.rules import NoError, Rules

from yupana_server.book.commands import (
    CaptureHold,
    CloseAccount,
    ClosePeriod,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Deadline,
    Erase,
    FreezeAccount,
    Leg,
    OpenAccount,
    OpenAsset,
    ReleaseHold,
    ReopenAccount,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    UpdateHold,
    UpTo,
    WellFormed,
    Words,
)

HOLDS_OF_A_GROUP = 1_000


class Answer(NamedTuple):
    """What becomes of a command."""

    word: str
    """What was done, or the name of a reason."""
    values: dict[str, str]
    """Amounts or facts; of facts only those that the model knows."""
    recorded: bool = True
    replayed: bool = False


class Model(Rules):
    """A book."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, tuple[WellFormed, Answer]] = {}
        """What was first asked under each id, with assets filled in, and its outcome."""

    # Commands and chains

    def run(self, unit: Sequence[WellFormed], now: int) -> list[Answer]:
        """Decide a command or a chain."""
        known = [command.id for command in unit if command.id in self.answers]
        if known:
            return [self._again(command, known[0]) for command in unit]
        if len(unit) > 1:
            return self._run_chain(unit, now)
        [command] = unit
        self._expire(now)
        before = self.point()
        try:
            answer = self._execute(command, now)
        except NoError as no:
            self.back_to(before)
            if no.refused:
                return [Answer(no.reason, no.facts, recorded=False)]
            answer = Answer(no.reason, no.facts)
            self.entry(command.id, now)
        self._remember(command, answer)
        return [answer]

    def _remember(self, command: WellFormed, answer: Answer) -> None:
        self.answers[command.id] = self._with_assets(command), answer

    def _with_assets(self, command: Any) -> Any:
        """An asset that is left out is the accounts' own, where there are such accounts."""
        if isinstance(command, CreateTransfer | CreateHold | Leg) and command.asset is None:
            return command._replace(asset=self.asset_of(command.debit_account))
        if isinstance(command, CreatePayment):
            return command._replace(legs=tuple(self._with_assets(leg) for leg in command.legs))
        return command

    def _again(self, command: WellFormed, known_id: str) -> Answer:
        if command.id not in self.answers:
            return Answer("CHAIN_MIXED", {"known_id": known_id}, recorded=False)
        first, answer = self.answers[command.id]
        if same_content(first, command):
            return answer._replace(replayed=True)
        return Answer("ID_REUSED", {}, recorded=False)

    def _run_chain(self, unit: Sequence[WellFormed], now: int) -> list[Answer]:
        begin = self.point()
        answers: list[Answer] = []
        try:
            for command in unit:
                self._expire(now)
                answers.append(self._execute(command, now))
        except NoError as no:
            self.back_to(begin)
            culprit = unit[len(answers)].id
            linked = {"failed_id": culprit, "failed_reason": f"ERROR_REASON_{no.reason}"}
            answers = [
                Answer(no.reason, no.facts, not no.refused)
                if command.id == culprit
                else Answer("LINKED_FAILED", linked, not no.refused)
                for command in unit
            ]
            if no.refused:
                return answers
            self._expire(now)
            for command in unit:
                self.entry(command.id, now)
        for command, answer in zip(unit, answers, strict=True):
            self._remember(command, answer)
        return answers

    def _expire(self, now: int) -> None:
        """Whatever is due expires, the earliest deadline first, each with an entry of its own."""
        while True:
            due = sorted(
                (hold["expires"], hold["id"])
                for hold in self.holds().values()
                if hold["state"] == "open"
                and hold["expires"] is not None
                and hold["expires"] <= max(now, self.time + 1)
            )
            if not due:
                return
            for _, hold_id in due:
                self.entry(f"_expiry:{hold_id}", now)
                self.reserve(hold_id, -self.holds()[hold_id]["remaining"])
                self.happens("end", hold=hold_id, state="expired")

    def _execute(self, command: WellFormed, now: int) -> Answer:
        self.entry(command.id, now)
        return _KINDS[type(command)](self, command)

    def is_first(self, command: WellFormed) -> bool:
        """Tell whether this is what was first asked under its id, and recorded."""
        return command.id in self.answers and same_content(self.answers[command.id][0], command)

    # One method for each kind of command

    def transfer(self, command: CreateTransfer) -> Answer:
        """CreateTransfer."""
        self.check_effective_time(command.effective_at)
        self.check_accounts(command.debit_account, command.credit_account, command.asset)
        amount = self.check_movement(
            command.debit_account,
            command.credit_account,
            command.amount,
            up_to=command.up_to,
            conditions=command.conditions,
        )
        self.move("transfer", command.id, command.debit_account, command.credit_account, amount)
        return Answer("posted", {"amount": str(amount)})

    def create_hold(self, command: CreateHold) -> Answer:
        """CreateHold."""
        expires = self._deadline(command.deadline)
        self.check_accounts(command.debit_account, command.credit_account, command.asset)
        if command.group is not None and len(self.group(command.group)) >= HOLDS_OF_A_GROUP:
            raise NoError("GROUP_FULL", group=command.group)
        amount = self.check_movement(
            command.debit_account,
            command.credit_account,
            command.amount,
            up_to=command.up_to,
            conditions=command.conditions,
            reserves=True,
        )
        self.happens(
            "hold",
            hold=command.id,
            debit=command.debit_account,
            credit=command.credit_account,
            group=command.group,
        )
        self.reserve(command.id, amount, creates=True)
        self.happens("deadline", hold=command.id, expires=expires)
        if not amount:
            self.happens("end", hold=command.id, state="released")
        return Answer("held", {"amount": str(amount)})

    def _deadline(self, deadline: Deadline | None) -> int | None:
        if deadline is None or deadline == Deadline():
            return None
        expires = deadline.at if deadline.after is None else self.time + deadline.after
        if expires is not None and expires <= self.time:
            raise NoError("EXPIRE_TIME_IN_PAST")
        return expires

    def _open_hold(self, hold_id: str) -> Event:
        hold = self.holds().get(hold_id)
        if hold is None:
            raise NoError("HOLD_NOT_FOUND", hold=hold_id)
        if hold["state"] == "expired":
            raise NoError("HOLD_EXPIRED", hold=hold_id)
        if hold["state"] != "open":
            raise NoError("HOLD_CLOSED", hold=hold_id, state=hold["state"])
        return hold

    def capture(self, command: CaptureHold) -> Answer:
        """CaptureHold."""
        self.check_effective_time(command.effective_at)
        hold = self._open_hold(command.hold)
        amount = hold["remaining"] if command.amount is None else command.amount
        if amount > hold["remaining"]:
            raise NoError("EXCEEDS_HOLD", remaining=hold["remaining"], amount=amount)
        self._capture(command.id, hold, amount, final=command.final)
        return Answer(
            "captured",
            {"amount": str(amount), "remaining": str(self.holds()[command.hold]["remaining"])},
        )

    def _capture(self, id_: str, hold: Event, amount: int, *, final: bool) -> None:
        self.move("capture", id_, hold["debit"], hold["credit"], amount, hold=hold["id"])
        self.reserve(hold["id"], -(hold["remaining"] if final else amount))
        if not self.holds()[hold["id"]]["remaining"]:
            self.happens("end", hold=hold["id"], state="captured")

    def release(self, command: ReleaseHold) -> Answer:
        """ReleaseHold."""
        hold = self._open_hold(command.hold)
        self._release(hold)
        return Answer("released", {"amount": str(hold["remaining"])})

    def _release(self, hold: Event) -> None:
        self.reserve(hold["id"], -hold["remaining"])
        self.happens("end", hold=hold["id"], state="released")

    def update(self, command: UpdateHold) -> Answer:
        """UpdateHold."""
        hold = self._open_hold(command.hold)
        expires = hold["expires"]
        if command.deadline is not None:
            expires = self._deadline(command.deadline)
        by = 0
        if command.amount is not None:
            if command.amount < hold["captured"]:
                raise NoError("BELOW_CAPTURED", captured=hold["captured"], amount=command.amount)
            by = command.amount - hold["captured"] - hold["remaining"]
        if by > 0:
            self.check_movement(hold["debit"], hold["credit"], by, reserves=True, creates=False)
        self.reserve(command.hold, by)
        self.happens("deadline", hold=command.hold, expires=expires)
        remaining = self.holds()[command.hold]["remaining"]
        if not remaining:
            self.happens("end", hold=command.hold, state="released")
        return Answer("updated", {"remaining": str(remaining)})

    def resolve(self, command: ResolveGroup) -> Answer:
        """ResolveGroup."""
        self.check_effective_time(command.effective_at)
        holds = [hold for hold in self.group(command.group) if hold["state"] == "open"]
        if not holds:
            raise NoError("GROUP_EMPTY", group=command.group)
        for place, hold in enumerate(holds, start=1):
            member = f"_member:{place}:{command.id}"
            self.entry(member, 0)
            if command.resolution == Resolution.CAPTURE:
                self._capture(member, hold, hold["remaining"], final=True)
            else:
                self._release(hold)
        said = " ".join(f"{hold['id']}:{hold['remaining']}" for hold in holds)
        return Answer("resolved", {"holds": said})

    def reverse(self, command: ReverseTransfer) -> Answer:
        """ReverseTransfer."""
        self.check_effective_time(command.effective_at)
        target = command.transfer
        if not self.recorded(target):
            raise NoError("TARGET_NOT_FOUND", target=target)
        original = next((event for event in self.all("move") if event["id"] == target), None)
        if original is None or original["kind"] == "reversal":
            raise NoError("NOT_REVERSIBLE", target=target)
        so_far, moved = self.reversed_amount(target), original["amount"]
        amount = moved - so_far if command.amount is None else command.amount
        nothing_left = command.amount is None and moved and not amount
        if amount > moved - so_far or nothing_left:
            raise NoError("EXCEEDS_ORIGINAL", moved=moved, reversed=so_far)
        debit, credit = original["credit"], original["debit"]
        self.check_movement(debit, credit, amount, force=command.force)
        self.move("reversal", command.id, debit, credit, amount, reverses=target)
        return Answer("reversed", {"amount": str(amount), "so_far": str(so_far + amount)})

    def pay(self, command: CreatePayment) -> Answer:
        """CreatePayment."""
        self.check_effective_time(command.effective_at)
        wanted = command.collect_amount or 0
        collected = 0
        amounts: list[int] = []
        collected_asset: str | None = None
        for place, leg in enumerate(command.legs, start=1):
            leg_id = f"_leg:{place}:{command.id}"
            self.entry(leg_id, 0)
            try:
                self.check_accounts(leg.debit_account, leg.credit_account, leg.asset)
                asset = self.asset_of(leg.debit_account)
                if leg.collects and collected_asset not in (None, asset):
                    raise NoError("ASSET_MISMATCH")
                amount = self._check_leg(leg, wanted - collected)
            except NoError as no:
                raise NoError(no.reason, **no.facts, leg=place) from no
            self.move("leg", leg_id, leg.debit_account, leg.credit_account, amount)
            amounts.append(amount)
            if leg.collects:
                collected += amount
                collected_asset = asset
        if collected < wanted and not command.collect_partially:
            raise NoError("COLLECTED_TOO_LITTLE", collect_amount=wanted, collected=collected)
        return Answer("paid", {"legs": " ".join(map(str, amounts))})

    def _check_leg(self, leg: Leg, missing: int) -> int:
        amount, up_to = leg.amount, leg.up_to
        if amount is None:
            amount, up_to = missing, UpTo.DEBIT_LIMITS
        return self.check_movement(
            leg.debit_account,
            leg.credit_account,
            amount,
            up_to=up_to,
            conditions=leg.conditions,
        )

    def open_asset(self, command: OpenAsset) -> Answer:
        """OpenAsset."""
        if command.asset in self.assets():
            raise NoError("ASSET_EXISTS", asset=command.asset)
        self.happens("asset", asset=command.asset)
        return Answer("asset_opened", {})

    def open_account(self, command: OpenAccount) -> Answer:
        """OpenAccount."""
        if command.asset not in self.assets():
            raise NoError("ASSET_NOT_FOUND", asset=command.asset)
        if command.account in self.accounts():
            [opened] = self.about("account", command.account)
            raise NoError("ACCOUNT_EXISTS", account=command.account, opened_by=opened["by"])
        self.happens("account", account=command.account, asset=command.asset, by=command.id)
        self._set(command)
        return Answer("opened", {})

    def _set(self, command: OpenAccount | SetLimits) -> None:
        self.happens(
            "limits",
            account=command.account,
            floor=command.min_balance,
            ceiling=command.max_balance,
            windows=command.windows,
        )

    def set_limits(self, command: SetLimits) -> Answer:
        """SetLimits."""
        self._check_named(command.account)
        self._set(command)
        account, floor, ceiling = command.account, command.min_balance, command.max_balance
        totals = self.totals(account)
        exceeded = [
            str(place)
            for place, window in enumerate(command.windows, start=1)
            if self.used(account, window, self.time) > window.max
        ]
        below = floor is not None and totals.available < floor
        above = ceiling is not None and totals.standing > ceiling
        said = {"below_min": "yes" if below else "", "above_max": "yes" if above else ""}
        return Answer("limits_set", {**said, "exceeded": ",".join(exceeded)})

    def _check_named(self, account: str) -> None:
        if account not in self.accounts():
            raise NoError("ACCOUNT_NOT_FOUND", account=account)

    def freeze(self, command: FreezeAccount) -> Answer:
        """FreezeAccount."""
        self._check_named(command.account)
        self.happens(
            "freeze", account=command.account, debits=command.debits, credits=command.credits
        )
        return Answer("frozen", {})

    def close(self, command: CloseAccount) -> Answer:
        """CloseAccount."""
        account = command.account
        self._check_named(account)
        if self.closed(account):
            raise NoError("ACCOUNT_CLOSED", account=account)
        for hold in self.holds().values():
            if hold["state"] == "open" and account in (hold["debit"], hold["credit"]):
                raise NoError("HOLDS_OPEN", account=account)
        self.happens("closed", account=account, closed=True)
        return Answer("closed", {})

    def reopen(self, command: ReopenAccount) -> Answer:
        """ReopenAccount."""
        self._check_named(command.account)
        if not self.closed(command.account):
            raise NoError("ACCOUNT_NOT_CLOSED", account=command.account)
        self.happens("closed", account=command.account, closed=False)
        return Answer("reopened", {})

    def close_period(self, command: ClosePeriod) -> Answer:
        """ClosePeriod."""
        if command.before > self.time:
            raise NoError("EFFECTIVE_TIME_IN_FUTURE")
        closed_before = self.closed_before()
        if closed_before is not None and command.before < closed_before:
            raise NoError("PERIOD_CLOSED")
        self.happens("period", before=command.before)
        return Answer("period_closed", {})

    def erase(self, command: Erase) -> Answer:
        """Erase."""
        if not self.recorded(command.command):
            raise NoError("TARGET_NOT_FOUND", target=command.command)
        return Answer("erased", {})


def same_content(first: WellFormed, again: WellFormed) -> bool:
    """Tell whether two commands ask for the same; of the first, all assets are known."""
    if type(first) is not type(again) or first.chain != again.chain:
        return False
    return _texts(first) == _texts(again) and _without_words(first) == _without_words(
        _with_assets_of(first, again)
    )


def _with_assets_of(first: Any, again: Any) -> Any:
    if isinstance(first, CreateTransfer | CreateHold | Leg) and again.asset is None:
        return again._replace(asset=first.asset)
    if isinstance(first, CreatePayment) and len(first.legs) == len(again.legs):
        legs = map(_with_assets_of, first.legs, again.legs)
        return again._replace(legs=tuple(legs))
    return again


def _texts(command: WellFormed) -> tuple[object, ...]:
    words: Words = getattr(command, "words", None) or Words()
    return dict(words.labels or {}), words.description, words.reference


def _without_words(command: WellFormed) -> tuple[object, ...]:
    return tuple(
        value
        for name, value in zip(command._fields, command, strict=True)
        if name not in ("words", "chain")
    )


_KINDS: dict[type, Callable[[Model, Any], Answer]] = {
    CreateTransfer: Model.transfer,
    CreateHold: Model.create_hold,
    CaptureHold: Model.capture,
    ReleaseHold: Model.release,
    UpdateHold: Model.update,
    ResolveGroup: Model.resolve,
    ReverseTransfer: Model.reverse,
    CreatePayment: Model.pay,
    OpenAccount: Model.open_account,
    SetLimits: Model.set_limits,
    FreezeAccount: Model.freeze,
    CloseAccount: Model.close,
    ReopenAccount: Model.reopen,
    OpenAsset: Model.open_asset,
    ClosePeriod: Model.close_period,
    Erase: Model.erase,
}
