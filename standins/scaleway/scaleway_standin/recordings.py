"""Exchanges that the real API had with other clients: what it was asked, what it answered, and the shapes of
both.

`exchanges.jsonl` holds one exchange per line: method, url, what was sent, status and body. Identifiers, keys
and addresses are replaced. It is distilled from more: `python -m scaleway_standin.recordings ALL.jsonl >
exchanges.jsonl` keeps the calls in `CALLS`, and of them as few as together show every field, every type and
every enumerated value that all of them show.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

EXCHANGES = Path(__file__).with_name("exchanges.jsonl")
CALLS = [
    (r"/instance/v1/zones/[^/]+/servers", "servers"),
    (r"/instance/v1/zones/[^/]+/servers/[^/]+", "server"),
    (r"/instance/v1/zones/[^/]+/servers/[^/]+/action", "action"),
    (r"/instance/v1/zones/[^/]+/servers/[^/]+/attach-volume", "attach-volume"),
    (r"/instance/v1/zones/[^/]+/servers/[^/]+/user_data/[^/]+", "user-data"),
    (r"/instance/v1/zones/[^/]+/ips", "ips"),
    (r"/instance/v1/zones/[^/]+/ips/[^/]+", "ip"),
    (r"/instance/v1/zones/[^/]+/security_groups", "security-groups"),
    (r"/instance/v1/zones/[^/]+/security_groups/[^/]+", "security-group"),
    (r"/instance/v1/zones/[^/]+/security_groups/[^/]+/rules", "rules"),
    (r"/instance/v1/zones/[^/]+/products/servers", "types"),
    (r"/instance/v1/zones/[^/]+/products/servers/availability", "availability"),
    (r"/block/v1/zones/[^/]+/volume-types", "volume-types"),
    (r"/block/v1/zones/[^/]+/volumes", "volumes"),
    (r"/block/v1/zones/[^/]+/volumes/[^/]+", "volume"),
    (r"/block/v1/zones/[^/]+/snapshots", "snapshots"),
    (r"/block/v1/zones/[^/]+/snapshots/[^/]+", "snapshot"),
    (r"/domain/v2beta1/dns-zones/[^/]+/records", "records"),
    (r"/marketplace/v2/local-images", "local-images"),
    (r"/iam/v1alpha1/api-keys/[^/]+", "api-key"),
]
"""The calls that rent a machine, each with a short name."""

WORDS = {
    "action",
    "allowed_actions[]",
    "arch",
    "availability",
    "class",
    "description",
    "direction",
    "family",
    "inbound_default_policy",
    "message",
    "outbound_default_policy",
    "product_resource_type",
    "protocol",
    "provisioning_mode",
    "reason",
    "resource",
    "state",
    "state_detail",
    "status",
    "type",
    "volume_type",
}
"""Fields whose values are words of the API's own."""

FREE = re.compile(r"\w+ (security-groups?|api-key): .*description$")
"""Where a field of such a name holds anything."""

KEYS = re.compile(r"[A-Z0-9]+-[A-Z0-9-]+|\d+")
"""Keys that are names of types, or places: not the API's own."""


THINGS = [
    (r"\w+ (?:servers?|attach-volume): \.servers?(?:\[\])?(?=\.|$)", "server"),
    (r"\w+ ips?: \.ips?(?:\[\])?(?=\.|$)", "ip"),
    (r"\w+ security-groups?: \.security_groups?(?:\[\])?(?=\.|$)", "security group"),
    (r"\w+ rules: \.rules?(?:\[\])?(?=\.|$)", "rule"),
    (r"\w+ volumes: \.volumes\[\](?=\.|$)|(?:POST volumes|\w+ volume): (?=\.|$)", "volume"),
    (r"\w+ snapshots: \.snapshots\[\](?=\.|$)|(?:POST snapshots|\w+ snapshot): (?=\.|$)", "snapshot"),
    (r"\w+ records: \.records\[\](?=\.|$)", "record"),
]
"""A thing looks the same in every answer that shows it."""


@dataclass(frozen=True)
class Exchange:
    """`sent` and `body` are JSON, or text if they are not JSON."""

    method: str
    url: str
    sent: Any
    status: int
    body: Any

    @property
    def call(self) -> str:
        return call_of(self.method, urlsplit(self.url).path)

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.url).query, keep_blank_values=True)


def call_of(method: str, path: str) -> str:
    """Like `POST servers`; for a path that is not in `CALLS`, the path itself."""
    name = next((name for pattern, name in CALLS if re.fullmatch(pattern, path)), path)
    return f"{method} {name}"


def parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except ValueError:
        return text


def load(file: Path = EXCHANGES) -> list[Exchange]:
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return [
        Exchange(row["method"], row["url"], _json(row["sent"]), row["status"], _json(row["body"]))
        for row in rows
    ]


def _json(value: Any) -> Any:
    return parsed(value) if isinstance(value, str) else value


@dataclass
class Shape:
    """What is known about JSON values: types and enumerated values by path, and how often each field of an
    object occurred.
    """

    within: bool = True
    types: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    words: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    objects: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    fields: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def learn(self, kind: str, value: Any) -> None:
        for path, type_, word, keys in facts(kind, value, self.within):
            self.types[path].add(type_)
            if word is not None:
                self.words[path].add(word)
            if keys is not None:
                self.objects[path] += 1
                for key in keys:
                    self.fields[path][key] += 1

    def strange(self, kind: str, value: Any, *, whole: bool) -> Iterator[str]:
        """What in this value was never seen; with `whole` also each field that always occurred and is missing
        here.
        """
        for path, type_, word, keys in facts(kind, value, self.within):
            if path not in self.types:
                yield f"{path} is unknown"
            elif type_ not in self.types[path]:
                yield f"{path} is {type_}"
            elif word is not None and word not in self.words[path]:
                yield f"{path} is “{word}”"
            if whole and keys is not None:
                always = {key for key, seen in self.fields[path].items() if seen == self.objects[path]}
                for key in sorted(always - keys):
                    yield f"{path}.{key} is missing"

    def all(self) -> set[tuple[str, str]]:
        """Everything it knows, as a set that can be counted."""
        types = {(path, type_) for path, seen in self.types.items() for type_ in seen}
        return types | {(path, f"“{word}”") for path, seen in self.words.items() for word in seen}


def thing_at(path: str) -> str:
    """The path within the object that it leads to, or the path as it is."""
    for pattern, name in THINGS:
        if found := re.match(pattern, path):
            inner = (
                path[found.end() :]
                .replace(".public_ips[]", ".public_ip")
                .replace(".public_ips", ".public_ip")
            )
            return f"{name}{inner}"
    return path


def facts(
    path: str, value: Any, within: bool = True
) -> Iterator[tuple[str, str, str | None, set[str] | None]]:
    """Path, type, the value if it is enumerated, and the fields if it is an object; for everything in the
    value.

    `within`: paths begin at objects (`thing_at`), as in answers.
    """
    for long, *rest in _facts(path, value):
        yield (thing_at(long) if within else long, *rest)  # type: ignore[misc]


def _facts(path: str, value: Any) -> Iterator[tuple[str, str, str | None, set[str] | None]]:
    name = path.rsplit(".", 1)[-1]
    word = str(value) if name in WORDS and isinstance(value, str) and not FREE.match(path) else None
    match value:
        case dict():
            own = not any(KEYS.fullmatch(key) for key in value)
            yield path, "object", None, set(value) if own else set()
            for key, inner in value.items():
                yield from _facts(f"{path}.{key}" if own else f"{path}.*", inner)
        case list():
            yield path, "list", None, None
            for inner in value:
                yield from _facts(f"{path}[]", inner)
        case bool():
            yield path, "boolean", None, None
        case None:
            yield path, "null", None, None
        case int() | float():
            yield path, "number", None, None
        case _:
            yield path, "text", word, None


def answers(exchanges: Iterable[Exchange]) -> Shape:
    """Of answers: successful ones by their call, errors by their status."""
    shape = Shape()
    for exchange in exchanges:
        shape.learn(kind_of(exchange.call, exchange.status), exchange.body)
    return shape


def requests(exchanges: Iterable[Exchange]) -> Shape:
    """Of what was sent, and of each parameter in the URL."""
    shape = Shape(within=False)
    for exchange in exchanges:
        if is_request(exchange):
            shape.learn(f"{exchange.call}: ", exchange.sent)
        for name, value in exchange.query:
            shape.learn(f"{exchange.call}?{name}", value)
    return shape


def kind_of(call: str, status: int) -> str:
    return f"{call}: " if status < 400 else f"{status}: "


def is_request(exchange: Exchange) -> bool:
    """Whether what is kept as sent really was sent: for some, the recorder kept the answer instead."""
    return exchange.sent is not None and exchange.sent != exchange.body and not isinstance(exchange.sent, str)


def distilled(exchanges: list[Exchange]) -> list[Exchange]:
    """As few exchanges as show everything that all of them show, in their order."""
    ours = [exchange for exchange in exchanges if not exchange.call.split(" ", 1)[1].startswith("/")]
    shown = {id(e): answers([e]).all() | requests([e]).all() | {(e.call, str(e.status))} for e in ours}
    size = {id(e): len(json.dumps(e.body)) + 300 for e in ours}
    wanted = set().union(*shown.values())
    kept: list[Exchange] = []
    while wanted:
        best = max(ours, key=lambda e: len(shown[id(e)] & wanted) ** 2 / size[id(e)])
        kept.append(best)
        wanted -= shown[id(best)]
    return [exchange for exchange in ours if exchange in kept]


def main() -> None:
    for exchange in distilled(load(Path(sys.argv[1]))):
        print(json.dumps(vars(exchange), separators=(",", ":")))


if __name__ == "__main__":
    main()
