"""Labels and their seals."""

import pytest

from yupana_server.book.labels import SALT_BYTES, labels_match, seal_labels

SALT = bytes(range(SALT_BYTES))
LABELS = {"order": "42", "note": 'naïve ☃ \U0001f600 \\ " \n'}


def test_seal_when_labels_are_the_same_in_any_order_then_it_matches() -> None:
    sealed = seal_labels(LABELS, SALT)
    assert labels_match(sealed, dict(reversed(LABELS.items())))
    assert sealed.startswith(SALT)
    assert len(sealed) == SALT_BYTES + 32


@pytest.mark.parametrize(
    "other",
    [
        {},
        None,
        {"order": "42"},
        {**LABELS, "order": "43"},
        {**LABELS, "more": ""},
        {"note": "42", "order": LABELS["note"]},
        {"order": "42", "note": LABELS["note"] + " "},
    ],
)
def test_seal_when_labels_differ_then_it_does_not_match(other: dict[str, str] | None) -> None:
    assert not labels_match(seal_labels(LABELS, SALT), other)


def test_seal_when_key_and_value_are_split_elsewhere_then_it_differs() -> None:
    pairs = [{"a": "b,c"}, {"a": 'b","c'}, {"a": 'b","c":"d'}, {"a": "b", "c": "d"}, {"a": "bc"}]
    assert len({seal_labels(labels, SALT) for labels in pairs}) == len(pairs)


def test_seal_when_salt_differs_then_it_says_nothing_of_the_labels() -> None:
    other = seal_labels(LABELS, bytes(SALT_BYTES))
    assert other[SALT_BYTES:] != seal_labels(LABELS, SALT)[SALT_BYTES:]
    assert labels_match(other, LABELS)


@pytest.mark.parametrize("labels", [None, {}])
def test_no_seal_when_no_labels_then_they_match(labels: dict[str, str] | None) -> None:
    assert labels_match(None, labels)
    assert not labels_match(None, LABELS)
