"""Words and their seals."""

import hashlib

import pytest

from yupana_server.book.commands import Words
from yupana_server.book.words import SALT_BYTES, seal, words_match

SALT = bytes(range(SALT_BYTES))
LABELS = {"a": "1", "order": "42", "note": 'naïve ☃ \U0001f600 \\ " \n'}
WORDS = Words(LABELS, "two seats", "INV-7")
NO_WORDS = [None, Words(), Words({}), Words(sealed=b"whatever was sealed")]


def test_seal_when_words_are_the_same_in_any_order_then_it_matches() -> None:
    for words in (WORDS, Words(LABELS), Words(description="d"), Words(reference="r")):
        sealed = seal(words, SALT)
        labels = dict(sorted((words.labels or {}).items(), reverse=True))
        assert words_match(sealed, words._replace(labels=labels))
        assert sealed.startswith(SALT)
        assert len(sealed) == SALT_BYTES + 32


@pytest.mark.parametrize(
    "other",
    [
        *NO_WORDS,
        Words(LABELS),
        Words(LABELS, "two seats"),
        Words(LABELS, "two seats", "INV-8"),
        Words(LABELS, "INV-7", "two seats"),
        Words(LABELS, "two seats ", "INV-7"),
        Words({}, "two seats", "INV-7"),
        Words({"order": "42"}, "two seats", "INV-7"),
        Words({**LABELS, "order": "43"}, "two seats", "INV-7"),
        Words({**LABELS, "more": ""}, "two seats", "INV-7"),
        Words({"note": "42", "order": LABELS["note"]}, "two seats", "INV-7"),
    ],
)
def test_seal_when_words_differ_then_it_does_not_match(other: Words | None) -> None:
    assert not words_match(seal(WORDS, SALT), other)


def test_seal_when_words_are_split_elsewhere_then_it_differs() -> None:
    labels = [{"a": "b,c"}, {"a": 'b","c'}, {"a": 'b","c":"d'}, {"a": "b", "c": "d"}, {"a": "bc"}]
    texts = [("ab", ""), ("a", "b"), ("", "ab"), ('a","b', ""), ('a"', '"b')]
    words = [*map(Words, labels), *(Words({"k": "v"}, *text) for text in texts)]
    assert len({seal(each, SALT) for each in words}) == len(words)


def test_seal_when_there_are_only_labels_then_it_is_the_first_releases() -> None:
    canonical = b'{"k":"\\u00e9","l":"2"}'
    sealed = SALT + hashlib.sha256(SALT + canonical).digest()
    assert seal(Words({"l": "2", "k": "é"}), SALT) == sealed


def test_seal_when_salt_differs_then_it_says_nothing_of_the_words() -> None:
    other = seal(WORDS, bytes(SALT_BYTES))
    assert other[SALT_BYTES:] != seal(WORDS, SALT)[SALT_BYTES:]
    assert words_match(other, WORDS)


@pytest.mark.parametrize("words", NO_WORDS)
def test_no_seal_when_no_words_then_they_match(words: Words | None) -> None:
    assert words_match(None, words)
    assert not words_match(None, WORDS)
