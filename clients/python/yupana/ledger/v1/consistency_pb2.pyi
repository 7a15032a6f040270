from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Consistency(_message.Message):
    __slots__ = ("strong", "at_least", "eventual")
    STRONG_FIELD_NUMBER: _ClassVar[int]
    AT_LEAST_FIELD_NUMBER: _ClassVar[int]
    EVENTUAL_FIELD_NUMBER: _ClassVar[int]
    strong: bool
    at_least: str
    eventual: bool
    def __init__(self, strong: _Optional[bool] = ..., at_least: _Optional[str] = ..., eventual: _Optional[bool] = ...) -> None: ...
