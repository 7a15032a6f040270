from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EdgeCheckRequest(_message.Message):
    __slots__ = ("attributes",)
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    attributes: EdgeAttributes
    def __init__(self, attributes: _Optional[_Union[EdgeAttributes, _Mapping]] = ...) -> None: ...

class EdgeAttributes(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: EdgeRequest
    def __init__(self, request: _Optional[_Union[EdgeRequest, _Mapping]] = ...) -> None: ...

class EdgeRequest(_message.Message):
    __slots__ = ("http",)
    HTTP_FIELD_NUMBER: _ClassVar[int]
    http: EdgeHttpRequest
    def __init__(self, http: _Optional[_Union[EdgeHttpRequest, _Mapping]] = ...) -> None: ...

class EdgeHttpRequest(_message.Message):
    __slots__ = ("method", "headers", "path")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    METHOD_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    method: str
    headers: _containers.ScalarMap[str, str]
    path: str
    def __init__(self, method: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., path: _Optional[str] = ...) -> None: ...

class EdgeCheckResponse(_message.Message):
    __slots__ = ("status", "denied_response")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DENIED_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    status: EdgeStatus
    denied_response: EdgeDenied
    def __init__(self, status: _Optional[_Union[EdgeStatus, _Mapping]] = ..., denied_response: _Optional[_Union[EdgeDenied, _Mapping]] = ...) -> None: ...

class EdgeStatus(_message.Message):
    __slots__ = ("code",)
    CODE_FIELD_NUMBER: _ClassVar[int]
    code: int
    def __init__(self, code: _Optional[int] = ...) -> None: ...

class EdgeDenied(_message.Message):
    __slots__ = ("status", "headers", "body")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    status: EdgeHttpStatus
    headers: _containers.RepeatedCompositeFieldContainer[EdgeHeaderOption]
    body: str
    def __init__(self, status: _Optional[_Union[EdgeHttpStatus, _Mapping]] = ..., headers: _Optional[_Iterable[_Union[EdgeHeaderOption, _Mapping]]] = ..., body: _Optional[str] = ...) -> None: ...

class EdgeHttpStatus(_message.Message):
    __slots__ = ("code",)
    CODE_FIELD_NUMBER: _ClassVar[int]
    code: int
    def __init__(self, code: _Optional[int] = ...) -> None: ...

class EdgeHeaderOption(_message.Message):
    __slots__ = ("header", "append_action")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    APPEND_ACTION_FIELD_NUMBER: _ClassVar[int]
    header: EdgeHeader
    append_action: int
    def __init__(self, header: _Optional[_Union[EdgeHeader, _Mapping]] = ..., append_action: _Optional[int] = ...) -> None: ...

class EdgeHeader(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
