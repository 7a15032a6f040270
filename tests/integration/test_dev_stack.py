"""The embedded Postgres and Valkey: real servers, real signals, real crashes."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
import psycopg
import pytest
import redis

from yupana_server.dev.envoy import EmbeddedEnvoy
from yupana_server.dev.ports import is_port_free, pick_port
from yupana_server.dev.postgres import EmbeddedPostgres, binary
from yupana_server.dev.processes import is_alive, wait_until
from yupana_server.dev.server import DevServerError
from yupana_server.dev.valkey import EmbeddedValkey

WAIT_TIMEOUT_S = 10.0

# The parent that a test kills: it prints the servers' process ids and waits.
STACK_PROGRAM = """
import pathlib, signal, sys
from yupana_server.dev.envoy import EmbeddedEnvoy
from yupana_server.dev.ports import is_port_free, pick_port
from yupana_server.dev.postgres import EmbeddedPostgres
from yupana_server.dev.valkey import EmbeddedValkey
folder = pathlib.Path(sys.argv[1])
with EmbeddedPostgres(folder / "postgres") as postgres, EmbeddedValkey(folder / "valkey") as valkey:
    print(postgres.pid, valkey.pid, flush=True)
    signal.pause()
"""


def test_postgres_start_when_folder_is_empty_then_cluster_is_durable_and_on_loopback(
    tmp_path: Path,
) -> None:
    with EmbeddedPostgres(tmp_path / "postgres", settings={"max_connections": "50"}) as postgres:
        assert ask(postgres, "SHOW server_encoding") == "UTF8"
        assert ask(postgres, "SELECT datcollate FROM pg_database LIMIT 1") == "C"
        assert ask(postgres, "SHOW shared_buffers") == "256MB"
        assert ask(postgres, "SHOW max_connections") == "50"
        for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert ask(postgres, f"SHOW {name}") == "on"
        assert listening_addresses(postgres.pid) == {("127.0.0.1", postgres.port)}
        # A session of its own keeps the terminal's Ctrl-C away from the server.
        assert os.getsid(postgres.pid) != os.getsid(0)
    assert not postgres.running


def test_postgres_start_when_stopped_or_killed_before_then_data_and_port_are_kept(
    tmp_path: Path,
) -> None:
    with EmbeddedPostgres(tmp_path / "postgres") as postgres:
        address = postgres.url("ledger")
        postgres.create_database("ledger")
        ask(postgres, "SELECT 7 AS amount INTO entry", "ledger")

        postgres.restart()
        assert ask(postgres, "SELECT amount FROM entry", "ledger") == 7
        postgres.restart("immediate")
        assert ask(postgres, "SELECT amount FROM entry", "ledger") == 7
        kill_while_a_query_computes(postgres)
        postgres.start()
        assert ask(postgres, "SELECT amount FROM entry", "ledger") == 7
        assert postgres.url("ledger") == address


def test_postgres_start_when_lock_names_a_live_stranger_then_it_starts(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres")
    postgres.start()
    postgres.kill()
    lock = postgres.data_dir / "postmaster.pid"
    owner = lock.stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, user=owner) as stranger:
        lines = lock.read_text().splitlines(keepends=True)
        lock.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        with postgres:
            assert ask(postgres, "SELECT 1") == 1


def test_postgres_create_database_when_template_is_named_then_its_tables_are_copied(
    tmp_path: Path,
) -> None:
    with EmbeddedPostgres(tmp_path / "postgres") as postgres:
        postgres.create_database("model")
        ask(postgres, "SELECT 3 AS amount INTO entry", "model")
        postgres.create_database("one test's copy", template="model")
        assert ask(postgres, "SELECT amount FROM entry", "one test's copy") == 3


def test_postgres_start_when_folder_is_foreign_then_error_says_why(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(DevServerError, match=r"written by PostgreSQL 9\.6"):
        EmbeddedPostgres(tmp_path).start()
    (tmp_path / "PG_VERSION").rename(tmp_path / "notes.txt")
    with pytest.raises(DevServerError, match="neither empty nor a Postgres data folder"):
        EmbeddedPostgres(tmp_path).start()


def test_postgres_start_when_setting_is_wrong_then_error_quotes_log(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", settings={"shared_buffers": "some"})
    with pytest.raises(DevServerError, match=r'invalid value for parameter "shared_buffers"'):
        postgres.start()
    assert not postgres.running


def test_start_when_port_is_in_use_then_error_names_it(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "first") as first:
        seconds = (
            EmbeddedValkey(tmp_path / "valkey", port=first.port),
            EmbeddedPostgres(tmp_path / "postgres", port=first.port),
        )
        for second in seconds:
            with pytest.raises(DevServerError, match=f":{first.port}, the port is in use"):
                second.start()
            assert not second.running


def test_pick_port_when_another_process_picked_it_then_it_is_left_to_its_server(
    tmp_path: Path,
) -> None:
    port = pick_port()
    program = f"from yupana_server.dev.ports import hold_port; print(hold_port({port}))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout == (b"False\n" if sys.platform == "linux" else b"True\n")
    with EmbeddedValkey(tmp_path / "valkey", port=port) as valkey:
        assert listening_addresses(valkey.pid) == {("127.0.0.1", port)}


def test_envoy_start_when_two_want_the_same_port_at_once_then_each_has_one(tmp_path: Path) -> None:
    port = pick_port()
    processes = {"ledger": "127.0.0.1:1", "feed": "127.0.0.1:2"}
    with ExitStack() as started:
        edges = [
            EmbeddedEnvoy(tmp_path / name, processes, preferred_port=port) for name in ("a", "b")
        ]
        for edge in edges:
            started.push(edge)
            edge.begin()
        for edge in edges:
            edge.start()
        assert port in {edge.port for edge in edges}
        for edge in edges:
            assert ("127.0.0.1", edge.port) in listening_addresses(edge.pid)
        assert edges[0].port != edges[1].port
    assert is_port_free(port)


def test_valkey_start_when_stopped_or_killed_before_then_only_asked_for_data_is_kept(
    tmp_path: Path,
) -> None:
    asked = {"appendonly": "yes", "appendfsync": "always"}
    with (
        EmbeddedValkey(tmp_path / "kept", settings=asked) as kept,
        EmbeddedValkey(tmp_path / "forgotten") as forgotten,
    ):
        assert listening_addresses(kept.pid) == {("127.0.0.1", kept.port)}
        for valkey, expected in ((kept, "7"), (forgotten, None)):
            with redis.Redis.from_url(valkey.url(), decode_responses=True) as client:
                client.set("amount", "7")
            valkey.restart()
            valkey.kill()
            valkey.start()
            with redis.Redis.from_url(valkey.url(), decode_responses=True) as client:
                assert client.get("amount") == expected


def test_stack_when_parent_is_killed_then_servers_end_and_folders_start_again(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", STACK_PROGRAM, str(tmp_path)]
    search_path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, env=os.environ | search_path, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        server_ids = [int(word) for word in parent.stdout.readline().split()]
        assert len(server_ids) == 2
        family = [process for pid in server_ids for process in process_family(pid)]
        parent.send_signal(signal.SIGKILL)
    with EmbeddedPostgres(tmp_path / "postgres") as postgres:
        assert ask(postgres, "SELECT 1") == 1
    assert wait_until(lambda: not any(is_alive(process) for process in family), WAIT_TIMEOUT_S)


def test_binary_when_named_then_it_is_the_servers_version() -> None:
    answer = subprocess.run([binary("psql"), "--version"], check=True, capture_output=True)
    assert answer.stdout.startswith(b"psql (PostgreSQL) 18")
    with pytest.raises(FileNotFoundError, match="no program 'pg_nothing'"):
        binary("pg_nothing")


def ask(postgres: EmbeddedPostgres, statement: str, database: str = "postgres") -> object:
    """Run one statement and return the first column of its first row, if it has rows."""
    with psycopg.connect(postgres.url(database), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def kill_while_a_query_computes(postgres: EmbeddedPostgres) -> None:
    """Kill the server while a backend is too busy to notice, and check that all ended."""
    # Closing alone, as the connection's own exit would try to end its transaction.
    with closing(psycopg.connect(postgres.url(), autocommit=True)) as connection:
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000)")
        busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series(1,%' "
        busy += "AND state = 'active' AND pid <> pg_backend_pid()"
        assert wait_until(lambda: ask(postgres, busy) == 1, WAIT_TIMEOUT_S)
        family = process_family(postgres.pid)
        postgres.kill()
        assert not any(is_alive(process) for process in family)


def process_family(pid: int) -> list[psutil.Process]:
    """Return a process and its children, remembered beyond their end."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def listening_addresses(pid: int) -> set[tuple[str, int]]:
    """Return the TCP addresses on which a process listens."""
    connections = psutil.Process(pid).net_connections(kind="tcp")
    return {tuple(found.laddr) for found in connections if found.status == psutil.CONN_LISTEN}
