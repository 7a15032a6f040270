"""R9: the trail of links by which a server finds where a book's history was cut."""

from yupana_server.journal.epochs import LINKS_MAX, Trail
from yupana_server.journal.rows import Link


def hash_of(seq: int) -> bytes:
    return seq.to_bytes(32)


def trail_of(*seqs: int) -> Trail:
    trail = Trail()
    for seq in seqs:
        trail.add(1, Link(seq, hash_of(seq)))
    return trail


def test_common_seq_when_nothing_was_cut_then_the_newest() -> None:
    trail = trail_of(3, 7, 9)
    assert trail.common_seq({seq: hash_of(seq) for seq in trail.seqs}) == 9


def test_common_seq_when_tail_is_gone_then_the_newest_that_is_there() -> None:
    assert trail_of(3, 7, 9).common_seq({3: hash_of(3), 7: hash_of(7)}) == 7


def test_common_seq_when_tail_is_something_else_then_the_newest_that_is_the_same() -> None:
    hashes = {3: hash_of(3), 7: b"other", 9: b"other"}
    assert trail_of(3, 7, 9).common_seq(hashes) == 3


def test_common_seq_when_nothing_is_the_same_then_zero() -> None:
    assert trail_of(3, 7).common_seq({3: b"other"}) == 0


def test_add_when_there_are_many_then_the_newest_stay_and_older_ones_thin_out() -> None:
    count = 20 * LINKS_MAX
    seqs = trail_of(*range(1, count + 1)).seqs
    assert len(seqs) < 2 * LINKS_MAX
    assert seqs == sorted(seqs)
    assert seqs[-LINKS_MAX // 2 :] == list(range(count - LINKS_MAX // 2 + 1, count + 1))
    assert seqs[0] < LINKS_MAX  # So that a cut long ago is found, though not to the entry.
