"""The machine and the versions that numbers were measured with."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psycopg

PACKAGES = ("yupana-server", "yupana", "grpcio", "protobuf", "psycopg")
POSTGRES_SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
    "synchronous_standby_names",
)
_KIB = 1024
_UNKNOWN = "unknown"


def environment(database_url: str | None) -> dict[str, dict[str, str]]:
    """Return what is known of the machine, the software and Postgres, by name, to be shown."""
    found = {"machine": _machine(), "software": _software()}
    if database_url is not None:
        found["Postgres"] = _postgres(database_url)
    return found


def resident_bytes(process_id: int) -> int | None:
    """Return how much memory a process has in use (VmRSS), None where that cannot be told."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * _KIB
    return None


def _machine() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor(_read("/proc/cpuinfo")) or platform.processor() or _UNKNOWN,
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else ""),
        "memory": f"{memory / _KIB**3:.1f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def processor(information: str) -> str:
    """Return the model's name out of /proc/cpuinfo, with its clock where the name lacks it."""
    facts = {
        name.strip(): value.strip()
        for name, _, value in (line.partition(":") for line in information.splitlines())
    }
    name, megahertz = facts.get("model name", ""), facts.get("cpu MHz", "")
    return f"{name}, {float(megahertz) / 1000:.1f} GHz" if name and megahertz else name


def _software() -> dict[str, str]:
    return {
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return _UNKNOWN


def _postgres(url: str) -> dict[str, str]:
    query = "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)"
    with psycopg.connect(url, autocommit=True) as connection:
        rows: dict[str, str] = dict(connection.execute(query, [list(POSTGRES_SETTINGS)]).fetchall())
    return {name: rows[name] for name in POSTGRES_SETTINGS if rows.get(name)}


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
