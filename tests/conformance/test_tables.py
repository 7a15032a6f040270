"""The tables themselves: that they are many, and that they leave no reason out."""

from collections import Counter

from conformance.cases import read_cases
from yupana_server.book.rejections import Reason

CASES_MIN = 400


def test_tables_when_read_then_there_are_enough_cases_and_no_two_have_one_name() -> None:
    names = Counter(str(case) for case in read_cases())
    assert len(names) >= CASES_MIN
    assert [name for name, times in names.items() if times > 1] == []


def test_tables_when_read_then_every_reason_is_expected_somewhere() -> None:
    expected = {
        line.partition(" -> ")[2].split()[0]
        for case in read_cases()
        for line in case.lines
        if " -> " in line
    }
    # The quota is the server's: the pure heart knows of no rate.
    wanted = {reason.name for reason in Reason} - {"REJECTION_QUOTA_EXCEEDED"}
    assert wanted - expected == set()


def test_tables_when_read_then_placeholders_are_all_filled() -> None:
    for case in read_cases():
        assert "<" not in case.title.replace("<=", ""), case
