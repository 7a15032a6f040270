"""Every example of docs/contract.md, run as it stands."""

import ast
import inspect
import itertools
import re
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import pytest

from yupana import Yupana

GUIDE = Path(__file__).parents[2] / "docs" / "contract.md"
_books = itertools.count(1)


class Example(NamedTuple):
    """A block of code and the heading that it stands under."""

    heading: str
    line: int
    code: str


def read_guide() -> tuple[Example, list[Example]]:
    """Return the set-up and the examples."""
    text = GUIDE.read_text()
    found: list[tuple[str, Example]] = []
    for block in re.finditer(r"^```python( setup)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        before = text[: block.start()]
        heading = re.findall(r"^#+ (.+)$", before, re.MULTILINE)[-1]
        line = before.count("\n") + 1
        found.append((block[1] or "", Example(heading, line, block[2])))
    [setup] = [example for kind, example in found if kind]
    return setup, [example for kind, example in found if not kind]


SETUP, EXAMPLES = read_guide()


def compiled(example: Example) -> CodeType:
    """Compile so that errors name the line of the guide."""
    code = "\n" * example.line + example.code
    return compile(code, str(GUIDE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


async def run(example: Example, names: dict[str, object]) -> None:
    """Run an example that may await."""
    running = eval(compiled(example), names)
    if inspect.iscoroutine(running):
        await running


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda example: f"{example.heading}-{example.line}"
)
async def test_guide_when_an_example_is_run_then_it_does_what_it_says(
    example: Example, client: Yupana, feed: object
) -> None:
    created = await client.create_book(f"guide-{next(_books)}")
    book = client.book(created.id)
    names: dict[str, object] = {"yupana": client, "book": book}
    await run(SETUP, names)
    await run(example, names)


def test_guide_when_read_then_every_recipe_has_an_example() -> None:
    text = GUIDE.read_text()
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert len(headings) == 8
    assert set(headings) <= {example.heading for example in EXAMPLES}
