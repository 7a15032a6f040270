"""The comments of the protos, by the full names of what they are about."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

# Numbers of fields in descriptor.proto, of which the paths of comments are made.
_OF_FILE = {4: "message_type", 5: "enum_type", 6: "service"}
_OF_MESSAGE = {2: "field", 3: "nested_type", 4: "enum_type", 8: "oneof_decl"}
_OF_ENUM = {2: "value"}
_OF_SERVICE = {2: "method"}
_INSIDE: Mapping[str, Mapping[int, str]] = {
    "message_type": _OF_MESSAGE,
    "nested_type": _OF_MESSAGE,
    "enum_type": _OF_ENUM,
    "service": _OF_SERVICE,
}


def read_comments(descriptors: FileDescriptorSet) -> dict[str, str]:
    """Return every comment, its lines joined to paragraphs."""
    return {
        name: text
        for file in descriptors.file
        if file.package.startswith("yupana.")
        for name, text in _of_file(file)
    }


def _of_file(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for location in file.source_code_info.location:
        if location.leading_comments:
            name = _name(file, list(location.path))
            if name is not None:
                yield name, _paragraphs(location.leading_comments)


def _name(file: FileDescriptorProto, path: list[int]) -> str | None:
    """Return the full name of what a path leads to; None for what is no declaration."""
    here: Any = file
    name, kinds = file.package, _OF_FILE
    while path:
        kind, index, *path = path if len(path) > 1 else [*path, 0]
        if kind not in kinds:
            return None
        here = getattr(here, kinds[kind])[index]
        name = f"{name}.{here.name}"
        kinds = dict(_INSIDE.get(kinds[kind], {}))
    return name


def _paragraphs(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines()]
    return re.sub(r"(?<!\n)\n(?!\n)", " ", "\n".join(lines))
