"""The document as one page for people: no script, nothing from elsewhere."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; --code: #8881; --accent: #7a4fbf; }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 76rem;
  padding: 0 1.5rem 6rem; display: grid; grid-template-columns: 17rem minmax(0, 1fr); gap: 3rem; }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto;
  font-size: .86rem; padding: 2rem 0; }
nav b { display: block; margin: 1rem 0 .2rem; } nav a { display: block; padding: .1rem 0; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
h1 { font-size: 2rem; margin: 2rem 0 1rem; } h2 { margin: 3.5rem 0 .5rem; }
h3 { margin: 2.2rem 0 .4rem; }
section.call { border-top: 1px solid var(--line); padding-top: .6rem; }
code, pre { font: .86em/1.5 ui-monospace, monospace; background: var(--code); border-radius: 4px; }
code { padding: .1em .3em; overflow-wrap: anywhere; } pre { padding: .8rem 1rem; overflow: auto; }
.path { font: 1rem ui-monospace, monospace; } .verb { font-weight: 700; text-transform: uppercase; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
td { border-top: 1px solid var(--line); padding: .35rem .8rem .35rem 0; vertical-align: top; }
td p { margin: 0 0 .3rem; } td:first-child { white-space: nowrap; } .dim { color: var(--dim); }
@media (max-width: 60rem) { body { display: block; } nav { position: static; max-height: none; } }
"""


def page(document: Json) -> str:
    """Return the page."""
    info = document["info"]
    body = [
        f"<h1>{_e(info['title'])} <span class=dim>{_e(info['version'])}</span></h1>",
        _text(info["description"]),
        '<p><a href="/openapi.json">openapi.json</a></p>',
    ]
    for tag in document["tags"]:
        body += [f"<h2 id='{tag['name']}'>{tag['name']}</h2>", _text(tag["description"])]
        body += [_call(*call) for call in _calls(document, tag["name"])]
    body += ["<h2 id='schemas'>Schemas</h2>"]
    body += [_schema(name, each) for name, each in document["components"]["schemas"].items()]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'><title>Yupana: REST reference</title>"
        f"<style>{_STYLE}</style><nav>{''.join(_menu(document))}</nav><main>{''.join(body)}</main>"
        "</html>\n"
    )


def _calls(document: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            if tag in operation["tags"]:
                yield verb, path, operation


def _menu(document: Json) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"<b>{tag['name']}</b>"
        for _, _, operation in _calls(document, tag["name"]):
            name = operation["operationId"].partition("_")[2]
            yield f"<a href='#{operation['operationId']}'>{name}</a>"
    yield "<b><a href='#schemas'>Schemas</a></b>"


def _call(verb: str, path: str, operation: Json) -> str:
    parts = [
        f"<section class=call id='{operation['operationId']}'>",
        f"<h3>{_e(operation['operationId'].partition('_')[2])}</h3>",
        f"<p class=path><span class=verb>{verb}</span> {_e(path)}</p>",
        _text(operation["description"]),
        f"<p>Scope: {_e(operation['x-scope'])}</p>",
    ]
    rows = [
        (each["name"], each["in"], each.get("description", "")) for each in operation["parameters"]
    ]
    parts.append(_table(rows))
    if "requestBody" in operation:
        media = operation["requestBody"]["content"]["application/json"]
        parts += ["<p><b>Body</b></p>", _table(_fields(media["schema"])), _example(media)]
    media = operation["responses"]["200"]["content"]["application/json"]
    parts += [f"<p><b>Answer</b> {_type(media['schema'])}</p>", _example(media), "</section>"]
    return "".join(parts)


def _schema(name: str, schema: Json) -> str:
    return (
        f"<section class=call id='schema-{name}'><h3>{name}</h3>"
        f"{_text(schema.get('description', ''))}{_table(_fields(schema))}</section>"
    )


def _fields(schema: Json) -> list[tuple[str, str, str]]:
    return [
        (name, _type(each), each.get("description", ""))
        for name, each in schema.get("properties", {}).items()
    ]


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"<a href='#schema-{name}'>{name}</a>"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map to {_type(schema['additionalProperties'])}"
    return _e(str(schema.get("format") or schema.get("type") or ""))


def _table(rows: list[tuple[str, str, str]]) -> str:
    cells = "".join(
        f"<tr><td><code>{_e(name)}</code><td class=dim>{kind}<td>{_text(text)}"
        for name, kind, text in rows
    )
    return f"<table>{cells}</table>" if rows else ""


def _example(media: Json) -> str:
    if "example" not in media:
        return ""
    return f"<pre>{_e(json.dumps(media['example'], indent=2))}</pre>"


def _text(text: str) -> str:
    paragraphs = []
    for block in text.split("\n\n"):
        shown = re.sub(r"`([^`]*)`", r"<code>\1</code>", _e(block.strip()))
        shown = re.sub(r"\*\*([^*]*)\*\*", r"<b>\1</b>", shown)
        if shown.startswith("- "):
            items = re.split(r"^- ", shown, flags=re.MULTILINE)[1:]
            paragraphs.append("<ul>" + "".join(f"<li>{item}" for item in items) + "</ul>")
        elif shown:
            paragraphs.append(f"<p>{shown}</p>")
    return "".join(paragraphs)


def _e(text: str) -> str:
    return html.escape(text, quote=True)
