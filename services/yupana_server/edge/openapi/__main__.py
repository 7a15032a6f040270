"""Writes openapi.json and reference.html beside the edge's code; see `make openapi`."""

import json
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from yupana_server.edge.openapi.comments import read_comments
from yupana_server.edge.openapi.document import document
from yupana_server.edge.openapi.page import page
from yupana_server.edge.openapi.schemas import Schemas

FOLDER = Path(__file__).parent.parent


def main(descriptors: Path) -> None:
    """Read the protos' descriptors with their comments, and write."""
    comments = read_comments(FileDescriptorSet.FromString(descriptors.read_bytes()))
    found = document(Schemas(comments))
    (FOLDER / "openapi.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    (FOLDER / "reference.html").write_text(page(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
