"""What a request begins with, found without reading all of it."""

TAG = 0x0A
"""Of field 1, with a length behind it. In our requests that is the book; clients write it first."""

LENGTH_BYTES_MAX = 5


def first_field(data: bytes) -> bytes | None:
    """Return the content of field 1 that a message begins with, or as much of it as there is.

    None where the message begins with something else.
    """
    if not data or data[0] != TAG:
        return None
    size = shift = 0
    for place, byte in enumerate(data[1 : 1 + LENGTH_BYTES_MAX], 2):
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return data[place : place + size]
        shift += 7
    return None
