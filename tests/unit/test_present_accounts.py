"""Accounts as they leave, those that are put together from texts among them."""

from hypothesis import given
from hypothesis import strategies as st

from yupana.ledger.v1 import account_pb2, ledger_service_pb2
from yupana_server.book.bounds import AMOUNT_MAX
from yupana_server.book.commands import Measure, NormalSide, Side, WindowLimit, Words
from yupana_server.book.entries import Totals
from yupana_server.book.state import Account, AccountFacts
from yupana_server.journal.points import BookRow
from yupana_server.messages.present_accounts import fill_account, write_accounts

IDS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_:.@+~\-]{0,127}\Z")
AMOUNTS = st.one_of(st.integers(0, AMOUNT_MAX), st.sampled_from([0, 127, 128, AMOUNT_MAX]))
LIMITS = st.none() | st.integers(-AMOUNT_MAX, AMOUNT_MAX)
MICROS = st.one_of(st.integers(0, 2**52), st.sampled_from([0, 999_999, 1_000_000]))
NOW = 10**15
WORDS = {7: Words({"ключ": "größe"}), 8: Words()}


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    windows = draw(
        st.sampled_from([(), (), (WindowLimit(Side.DEBIT, Measure.AMOUNT, 3_600, 1_000),)])
    )
    facts = AccountFacts(
        id=draw(IDS),
        asset=draw(IDS),
        normal_side=draw(st.sampled_from(NormalSide)),
        min_balance=draw(LIMITS),
        max_balance=draw(LIMITS),
        opened_at=draw(MICROS),
        opened_by="open",
        opened_seq=draw(st.sampled_from([6, 7, 8])),
        windows=windows,
        debits_frozen=draw(st.booleans()),
        credits_frozen=draw(st.booleans()),
        closed=draw(st.booleans()),
        code=draw(st.none() | IDS),
        has_words=draw(st.booleans()),
    )
    totals = Totals(draw(AMOUNTS), draw(AMOUNTS), draw(AMOUNTS), draw(AMOUNTS))
    return Account(facts, totals, draw(st.integers(0, 2**63 - 1)), ((),) * len(windows))


@given(st.lists(accounts(), max_size=20), st.integers(1, 2**31))
def test_accounts_when_written_together_then_each_is_what_it_is_alone(
    known: list[Account], epoch: int
) -> None:
    book = BookRow(1, "shop", epoch, created_at=0, seq=0)
    response = ledger_service_pb2.BatchGetAccountsResponse(position="here")
    write_accounts(response, book, known, WORDS, at=NOW)
    alone = []
    for account in known:
        message = account_pb2.Account()
        words = WORDS.get(account.facts.opened_seq) if account.facts.has_words else None
        fill_account(message, book, account, words, at=NOW)
        alone.append(message)
    assert response.position == "here"
    assert list(response.accounts) == alone
