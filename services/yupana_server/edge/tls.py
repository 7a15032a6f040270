"""TLS at the edge: towards callers, and towards the services behind it.

Envoy reads certificates again when their files change, but only those that it is told of by files
of their own: `secrets`.
"""

from pathlib import PurePath
from typing import Any, NamedTuple

Json = dict[str, Any]

TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
OUTSIDE, INSIDE, AUTHORITY = "outside", "inside", "authority"


class Certificate(NamedTuple):
    """A certificate and its key, as files in PEM where Envoy runs."""

    certificate: PurePath
    key: PurePath


class EdgeTls(NamedTuple):
    """What the edge has; None: plain text."""

    beside: PurePath
    """The files with `secrets` have this path with a name behind it, where Envoy runs."""
    outside: Certificate | None = None
    """Shown to callers."""
    inside: Certificate | None = None
    """Shown to the services, if they want to know who calls."""
    authority: PurePath | None = None
    """Those whom the services have to be certified by."""


def secrets(tls: EdgeTls) -> dict[PurePath, Json]:
    """Return the files that tell Envoy of certificates, each of one."""
    found = {
        name: _secret(name, tls_certificate=_certificate(each))
        for name, each in ((OUTSIDE, tls.outside), (INSIDE, tls.inside))
        if each is not None
    }
    if tls.authority is not None:
        trusted = {"trusted_ca": _file(tls.authority), "watched_directory": _folder(tls.authority)}
        found[AUTHORITY] = _secret(AUTHORITY, validation_context=trusted)
    return {_path(tls, name): {"resources": [secret]} for name, secret in found.items()}


def towards_callers(tls: EdgeTls) -> Json:
    """Return what a listener has for TLS; empty for plain text."""
    if tls.outside is None:
        return {}
    common = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificate_sds_secret_configs": [_reference(tls, OUTSIDE)],
    }
    return _socket("DownstreamTlsContext", {"common_tls_context": common})


def towards_services(tls: EdgeTls, host: str) -> Json:
    """Return what a cluster has for TLS; empty for plain text."""
    if tls.authority is None:
        return {}
    common: Json = {
        "alpn_protocols": ["h2"],
        "combined_validation_context": {
            "default_validation_context": {
                "match_typed_subject_alt_names": [
                    {"san_type": kind, "matcher": {"exact": host}} for kind in ("DNS", "IP_ADDRESS")
                ]
            },
            "validation_context_sds_secret_config": _reference(tls, AUTHORITY),
        },
    }
    if tls.inside is not None:
        common["tls_certificate_sds_secret_configs"] = [_reference(tls, INSIDE)]
    return _socket("UpstreamTlsContext", {"common_tls_context": common, "sni": host})


def _socket(kind: str, settings: Json) -> Json:
    typed = {"@type": f"{TYPE}.{kind}", **settings}
    return {"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": typed}}


def _secret(name: str, **what: Json) -> Json:
    return {"@type": f"{TYPE}.Secret", "name": name, **what}


def _certificate(each: Certificate) -> Json:
    return {
        "certificate_chain": _file(each.certificate),
        "private_key": _file(each.key),
        "watched_directory": _folder(each.certificate),
    }


def _reference(tls: EdgeTls, name: str) -> Json:
    return {"name": name, "sds_config": {"path_config_source": {"path": str(_path(tls, name))}}}


def _path(tls: EdgeTls, name: str) -> PurePath:
    return tls.beside.with_name(f"{tls.beside.name}.{name}.json")


def _file(path: PurePath) -> Json:
    return {"filename": str(path)}


def _folder(path: PurePath) -> Json:
    return {"path": str(path.parent)}
