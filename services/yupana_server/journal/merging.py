"""Merges many lists of entries into one, the newest first, without reading more than needed.

A thousand accounts have two thousand lists. From each the first few seqs are read. What is among
the newest of all of them is then known, except where a list's few are all among them: only from
those lists more is read. With the square root of the page's size as the few, that is least.
"""

from math import isqrt
from typing import NamedTuple


class Streams(NamedTuple):
    """Lists of seqs: for each key, some."""

    keys: str
    """The statement that gives the keys, one column."""
    each: tuple[str, ...]
    """For each list of a key: the statement that gives its `seq`s, in which `keys.key` is it."""


class Merged(NamedTuple):
    """A statement in two parts."""

    tables: str
    """Table expressions, each with a comma before it."""
    seqs: str
    """The statement that gives the merged seqs, none twice; more than needed, in no order."""
    keys: str


def merged(streams: Streams) -> Merged:
    """Return what merges the lists.

    Parameters: before, after (both exclusive), limit, few (see `few_of`), and those of the streams.
    """
    return Merged(
        f"""
        , keys (key) AS MATERIALIZED ({streams.keys})
        , few AS MATERIALIZED ({_each(streams, "%(after)s", "%(before)s", "%(few)s")})
        , reached AS MATERIALIZED (
            SELECT coalesce((
                SELECT seq FROM (SELECT DISTINCT seq FROM few) seqs
                ORDER BY seq DESC OFFSET %(limit)s - 1 LIMIT 1
            ), %(after)s) AS seq
        )
        , cut AS MATERIALIZED (
            SELECT key, stream, min(seq) AS seq FROM few GROUP BY key, stream
            HAVING count(*) = %(few)s AND min(seq) > (SELECT seq FROM reached)
        )
        """,
        f"""
        SELECT seq FROM few
        UNION
        SELECT more.seq FROM cut AS keys CROSS JOIN LATERAL (
            {_more(streams)}
        ) more
        """,
        streams.keys,
    )


def few_of(limit: int) -> int:
    """Return how much of each list is read at first."""
    return isqrt(limit) + 1


def _each(streams: Streams, after: str, before: str, limit: str) -> str:
    lists = (
        f"(SELECT {number} AS stream, seq FROM ({each}) list{number} "
        f"WHERE seq > {after} AND seq < {before} ORDER BY seq DESC LIMIT {limit})"
        for number, each in enumerate(streams.each)
    )
    return (
        "SELECT key, stream, seq FROM keys CROSS JOIN LATERAL ("
        + " UNION ALL ".join(lists)
        + ") lists"
    )


def _more(streams: Streams) -> str:
    """Return what reads on in a list that was cut, down to what the others have reached."""
    return " UNION ALL ".join(
        f"(SELECT seq FROM ({each}) list{number} WHERE keys.stream = {number} "
        "AND seq < keys.seq AND seq > (SELECT seq FROM reached) "
        "ORDER BY seq DESC LIMIT %(limit)s)"
        for number, each in enumerate(streams.each)
    )
