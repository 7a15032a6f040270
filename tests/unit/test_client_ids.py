import re
import subprocess
import sys
import uuid

from yupana.ids import ID_SIZE_BYTES, UuidSource, derived_id, uuid7

CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_uuid7_is_canonical_text_of_version_7() -> None:
    made = uuid7()

    assert CANONICAL.fullmatch(made)
    assert uuid.UUID(made).version == 7
    assert uuid.UUID(made).variant == uuid.RFC_4122


def test_uuid7_carries_the_milliseconds_and_the_random_bits() -> None:
    source = UuidSource(lambda: 0x0193_DEAD_BEEF, lambda size: b"\xff" * size)

    # All random bits are set but the highest, which is kept free for counting.
    assert source.next() == "0193dead-beef-77ff-bfff-ffffffffffff"


def test_uuid7_when_clock_stands_still_or_steps_back_then_increases() -> None:
    clock = iter([1000, 1000, 400, 1000, 1001])
    source = UuidSource(lambda: next(clock), lambda size: b"\xff" * size)

    made = [source.next() for _ in range(5)]

    assert made == sorted(set(made))
    assert [int(each[:13].replace("-", ""), 16) for each in made] == [1000, 1000, 1000, 1000, 1001]


def test_uuid7_when_many_are_made_then_all_differ_and_ascend() -> None:
    made = [uuid7() for _ in range(20_000)]

    assert made == sorted(set(made))


def test_uuid7_when_process_forks_then_child_starts_a_sequence_of_its_own() -> None:
    # The parent's sequence is far ahead of the clock, so that only counting is left to it.
    script = """if True:
        import os
        from yupana import ids
        ids._source._last_ms = 1 << 47
        print(ids.uuid7(), flush=True)
        if os.fork() == 0:
            print(ids.uuid7(), flush=True)
            os._exit(0)
        os.wait()
    """

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)

    parents, childs = run.stdout.split()
    assert parents.startswith("80000000-0000-7")
    assert childs.startswith("0")


def test_derived_id_is_readable_and_the_same_each_time() -> None:
    assert derived_id("open-asset", "USD") == "open-asset:USD"
    assert derived_id("open-account", "users:1", place=3) == "open-account:users:1:3"


def test_derived_id_when_name_is_too_long_then_hashes_it() -> None:
    longest = "a" * (ID_SIZE_BYTES - len("open-account:"))

    assert derived_id("open-account", longest) == f"open-account:{longest}"
    hashed = {derived_id("open-account", longest + tail) for tail in ("b", "c")}
    assert len(hashed) == 2
    assert all(len(each) <= ID_SIZE_BYTES for each in hashed)
