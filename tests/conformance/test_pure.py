"""The tables against the pure heart."""

import pytest

from conformance.cases import Case, as_parameters, read_cases
from conformance.pure_book import PureBook
from conformance.runner import run


@pytest.mark.parametrize("case", as_parameters(read_cases()))
def test_book_when_case_is_run_then_every_outcome_is_the_tables(case: Case) -> None:
    book = PureBook()
    run(case, book)
    book.check_whole()
