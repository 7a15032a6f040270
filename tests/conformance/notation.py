"""Reads the commands of the tables."""

import re
from collections.abc import Callable

from conformance.values import Arguments, read_amount, read_arguments, read_duration, read_time
from yupana_server.book.commands import (
    CaptureHold,
    CloseAccount,
    ClosePeriod,
    Condition,
    CreateHold,
    CreatePayment,
    CreateTransfer,
    Deadline,
    Erase,
    FreezeAccount,
    Leg,
    Measure,
    NormalSide,
    OpenAccount,
    OpenAsset,
    Operator,
    Quantity,
    ReleaseHold,
    ReopenAccount,
    Resolution,
    ResolveGroup,
    ReverseTransfer,
    SetLimits,
    Side,
    UpdateHold,
    UpTo,
    WellFormed,
    WindowLimit,
    Words,
)
from yupana_server.book.words import SALT_BYTES, seal

Positions = dict[str, tuple[int, int]]
"""Epoch and seq of the marks of a case."""

_OPERATORS = {
    ">=": Operator.AT_LEAST,
    "<=": Operator.AT_MOST,
    "==": Operator.EQUAL,
    "!=": Operator.NOT_EQUAL,
}
_CONDITION = re.compile(r"(debit|credit)\.(balance|available|last)(>=|<=|==|!=)(.+)")
_WINDOW = re.compile(r"(debit|credit)\.(amount|count)<=([^/]+)/(.+)")


class Reader:
    """Reads commands of a case, whose times count from `start`."""

    def __init__(self, start: int):
        self._start = start
        self.marks: Positions = {}

    def command(self, command_id: str, text: str) -> WellFormed:
        """Read a command."""
        verb, _, rest = text.partition(" ")
        try:
            return _VERBS[verb](self, command_id, rest)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"cannot read `{text}`: {error!r}") from error

    def transfer(self, id_: str, text: str) -> CreateTransfer:
        """`A B AMOUNT`."""
        given = read_arguments(text)
        given.check("asset", "effective", "upto", "if", *_WORDS, words=3)
        debit, credit, amount = given.words
        return CreateTransfer(
            id_,
            debit,
            credit,
            read_amount(amount),
            given.option("asset"),
            self._time(given, "effective"),
            words_of(given),
            code=given.option("code"),
            up_to=up_to(given),
            conditions=self._conditions(given),
        )

    def hold(self, id_: str, text: str) -> CreateHold:
        """`A B AMOUNT`."""
        given = read_arguments(text)
        given.check("asset", "expires", "timeout", "group", "upto", "if", *_WORDS, words=3)
        debit, credit, amount = given.words
        return CreateHold(
            id_,
            debit,
            credit,
            read_amount(amount),
            given.option("asset"),
            self._deadline(given),
            given.option("group"),
            words_of(given),
            code=given.option("code"),
            up_to=up_to(given),
            conditions=self._conditions(given),
        )

    def capture(self, id_: str, text: str) -> CaptureHold:
        """`HOLD [AMOUNT] [final]`."""
        given = read_arguments(text)
        given.check("effective", *_WORDS, words=3)
        return CaptureHold(
            id_,
            given.words[0],
            optional_amount(given),
            given.flag("final"),
            self._time(given, "effective"),
            words_of(given),
            code=given.option("code"),
        )

    def release(self, id_: str, text: str) -> ReleaseHold:
        """`HOLD`."""
        return ReleaseHold(id_, only_word(text))

    def update(self, id_: str, text: str) -> UpdateHold:
        """`HOLD [AMOUNT] [never]`."""
        given = read_arguments(text)
        given.check("expires", "timeout", words=3)
        deadline = Deadline() if given.flag("never") else self._deadline(given)
        return UpdateHold(id_, given.words[0], optional_amount(given), deadline)

    def resolve(self, id_: str, text: str) -> ResolveGroup:
        """`GROUP capture|release`."""
        given = read_arguments(text)
        given.check("effective", words=2)
        group, resolution = given.words
        return ResolveGroup(
            id_, group, Resolution[resolution.upper()], self._time(given, "effective")
        )

    def reverse(self, id_: str, text: str) -> ReverseTransfer:
        """`ID [AMOUNT] [force]`."""
        given = read_arguments(text)
        given.check("effective", *_WORDS, words=3)
        return ReverseTransfer(
            id_,
            given.words[0],
            optional_amount(given),
            given.flag("force"),
            self._time(given, "effective"),
            words_of(given),
            code=given.option("code"),
        )

    def pay(self, id_: str, text: str) -> CreatePayment:
        """`A>B AMOUNT; C>D collect / OPTIONS`."""
        legs, _, options = text.partition(" / ")
        given = read_arguments(options)
        given.check("collect", "effective", *_WORDS, words=1)
        collect = given.option("collect")
        return CreatePayment(
            id_,
            tuple(self._leg(leg) for leg in legs.split(";")),
            None if collect is None else read_amount(collect),
            given.flag("partially"),
            self._time(given, "effective"),
            words_of(given),
            code=given.option("code"),
        )

    def _leg(self, text: str) -> Leg:
        given = read_arguments(text)
        given.check("asset", "upto", "if", "rate", words=2)
        accounts, amount = given.words
        debit, _, credit = accounts.partition(">")
        return Leg(
            debit,
            credit,
            None if amount == "collect" else read_amount(amount),
            given.option("asset"),
            up_to(given),
            self._conditions(given),
            given.option("rate"),
        )

    def open(self, id_: str, text: str) -> OpenAccount:
        """`ACCOUNT`."""
        given = read_arguments(text)
        given.check("asset", "floor", "ceiling", "window", "side", *_WORDS, words=1)
        return OpenAccount(
            id_,
            given.words[0],
            given.option("asset") or "USD",
            NormalSide[(given.option("side") or "credit").upper()],
            *limits(given),
            windows=windows(given),
            code=given.option("code"),
            words=words_of(given),
        )

    def limits(self, id_: str, text: str) -> SetLimits:
        """`ACCOUNT`."""
        given = read_arguments(text)
        given.check("floor", "ceiling", "window", words=1)
        return SetLimits(id_, given.words[0], *limits(given), windows(given))

    def freeze(self, id_: str, text: str) -> FreezeAccount:
        """`ACCOUNT [debits] [credits]`."""
        given = read_arguments(text)
        given.check(words=3)
        return FreezeAccount(id_, given.words[0], given.flag("debits"), given.flag("credits"))

    def close(self, id_: str, text: str) -> CloseAccount:
        """`ACCOUNT`."""
        return CloseAccount(id_, only_word(text))

    def reopen(self, id_: str, text: str) -> ReopenAccount:
        """`ACCOUNT`."""
        return ReopenAccount(id_, only_word(text))

    def asset(self, id_: str, text: str) -> OpenAsset:
        """`ASSET SCALE`."""
        asset, scale = text.split()
        return OpenAsset(id_, asset, int(scale))

    def period(self, id_: str, text: str) -> ClosePeriod:
        """`@TIME`."""
        return ClosePeriod(id_, read_time(only_word(text), self._start))

    def erase(self, id_: str, text: str) -> Erase:
        """`ID`."""
        return Erase(id_, only_word(text))

    def _time(self, given: Arguments, name: str) -> int | None:
        text = given.option(name)
        return None if text is None else read_time(text, self._start)

    def _deadline(self, given: Arguments) -> Deadline | None:
        timeout, at = given.option("timeout"), self._time(given, "expires")
        if timeout is not None:
            return Deadline(after=read_duration(timeout))
        return None if at is None else Deadline(at)

    def _conditions(self, given: Arguments) -> tuple[Condition, ...]:
        return tuple(self._condition(text) for text in given.all("if"))

    def _condition(self, text: str) -> Condition:
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text} is not a condition")
        side, quantity, operator, value = match.groups()
        if quantity == "last":
            epoch, seq = self.marks[value]
            return Condition(Side[side.upper()], Quantity.LAST_POSITION, value=seq, epoch=epoch)
        return Condition(
            Side[side.upper()],
            Quantity[quantity.upper()],
            _OPERATORS[operator],
            read_amount(value),
        )


_VERBS: dict[str, Callable[[Reader, str, str], WellFormed]] = {
    verb: getattr(Reader, verb)
    for verb in (
        "transfer", "hold", "capture", "release", "update", "resolve", "reverse", "pay", "open",
        "limits", "freeze", "close", "reopen", "asset", "period", "erase",
    )
}  # fmt: skip

_WORDS = ("code", "labels", "description", "reference")


def only_word(text: str) -> str:
    """Return the only argument of a command."""
    [word] = text.split()
    return word


def optional_amount(given: Arguments) -> int | None:
    """Return the amount after the first word; None when it is left out."""
    numbers = [word for word in given.words[1:] if word not in ("final", "force", "never")]
    if len(numbers) > 1:
        raise ValueError(f"not understood: {numbers[1:]}")
    return read_amount(numbers[0]) if numbers else None


def up_to(given: Arguments) -> UpTo:
    """Return whose limits lower the amount."""
    whose = given.option("upto")
    return UpTo.NONE if whose is None else UpTo[f"{whose.upper()}_LIMITS"]


def words_of(given: Arguments) -> Words | None:
    """Return labels, description and reference with their seal."""
    pairs = [pair.partition(":") for pair in (given.option("labels") or "").split(",") if pair]
    words = Words(
        {key: value for key, _, value in pairs} or None,
        given.option("description") or "",
        given.option("reference") or "",
    )
    return words._replace(sealed=seal(words, bytes(SALT_BYTES))) if any(words[:3]) else None


def limits(given: Arguments) -> tuple[int | None, int | None]:
    """Return floor and ceiling."""
    floor, ceiling = given.option("floor"), given.option("ceiling")
    return (
        None if floor is None else read_amount(floor),
        None if ceiling is None else read_amount(ceiling),
    )


def windows(given: Arguments) -> tuple[WindowLimit, ...]:
    """Return the windows, in order."""
    return tuple(_window(text) for text in given.all("window"))


def _window(text: str) -> WindowLimit:
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is not a window")
    side, measure, most, length = match.groups()
    length_s = read_duration(length) // 1_000_000
    return WindowLimit(Side[side.upper()], Measure[measure.upper()], length_s, read_amount(most))
