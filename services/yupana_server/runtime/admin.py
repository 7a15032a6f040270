"""For operators: what runs here, channelz, and a dump of all stacks on SIGUSR1."""

import asyncio
import faulthandler
import platform
import signal
import tempfile
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import grpc.aio
import structlog
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_channelz.v1 import channelz
from pydantic import SecretStr

from yupana.admin.v1 import admin_service_pb2, admin_service_pb2_grpc
from yupana_server.runtime.config import ServiceConfig
from yupana_server.runtime.metrics import Gauge, observe

VERSION = version("yupana-server")
FRAMES_MAX = 20

BUILD_INFO = Gauge(
    "yupana.build.info",
    "",
    "Always 1; its attributes say what runs.",
    ("yupana.version", "yupana.schema", "python.version"),
)

log = structlog.get_logger("yupana.admin")


class AdminServicer(admin_service_pb2_grpc.AdminServiceServicer):
    """`yupana.admin.v1.AdminService`."""

    def __init__(self, service: str, schema: str, config: ServiceConfig):
        began_at = Timestamp()
        began_at.GetCurrentTime()
        self._info = admin_service_pb2.Info(
            service=service,
            version=VERSION,
            python_version=platform.python_version(),
            schema=schema,
            start_time=began_at,
            config=shown_config(config),
        )

    async def GetInfo(  # noqa: N802
        self,
        request: admin_service_pb2.GetInfoRequest,  # noqa: ARG002
        context: grpc.aio.ServicerContext[Any, Any],  # noqa: ARG002
    ) -> admin_service_pb2.Info:
        """Return what runs here."""
        return self._info


def add_admin(server: grpc.aio.Server, service: str, schema: str, config: ServiceConfig) -> None:
    """Tell operators about this process: by a metric always, by RPC where that is configured."""
    observe(BUILD_INFO, lambda: {(VERSION, schema, platform.python_version()): 1})
    if config.admin:
        servicer = AdminServicer(service, schema, config)
        admin_service_pb2_grpc.add_AdminServiceServicer_to_server(servicer, server)
        channelz.add_channelz_servicer(server)


def shown_config(config: ServiceConfig) -> dict[str, str]:
    """Return the configuration by the names of its variables, with passwords masked."""
    shown: dict[str, str] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if value is not None:
            text = _masked(value) if isinstance(value, SecretStr) else str(value)
            shown[f"YUPANA_{name.upper()}"] = text
    return shown


def _masked(secret: SecretStr) -> str:
    """Keep of a URL what is no secret; nothing of anything else."""
    parts = urlsplit(secret.get_secret_value())
    if not parts.hostname:
        return "***"
    user = f"{parts.username}:***@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    # What follows a question mark may be a password too.
    return f"{parts.scheme}://{user}{parts.hostname}{port}{parts.path}"


def dump_on_signal() -> None:
    """Log the stacks of all threads and tasks on every SIGUSR1, until the event loop ends."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _dump)


def _dump() -> None:
    tasks = {task.get_name(): _stack_of(task) for task in asyncio.all_tasks()}
    log.warning("stacks", tasks=tasks, threads=_threads())


def _stack_of(task: asyncio.Task[Any]) -> list[str]:
    """Return where a task waits, the outermost call first."""
    return [
        f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        for frame in task.get_stack(limit=FRAMES_MAX)
    ]


def _threads() -> list[str]:
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return [line.rstrip() for line in file]
