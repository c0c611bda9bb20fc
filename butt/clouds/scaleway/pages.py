"""Lists that are split into pages."""

from collections.abc import Callable
from typing import Any

from butt.clouds.interface import CloudTrouble

PAGE, MOST_PAGES = 100, 400


def all_of(fetch: Callable[..., Any], key: str, size: str, **arguments: Any) -> Any:
    """Everything that `fetch` lists under `key`. Raises `CloudTrouble` rather than leave something out: it
    would be made again.

    `size` is the name of the parameter for the page size. Scaleway decides how many items a page holds. A
    list is complete when it has as many items as the answer says there are; if the answer does not say, when
    a page is empty.
    """
    found: dict[Any, Any] = {}
    kind: type[Any] = list
    for page in range(1, MOST_PAGES + 1):
        answer = fetch(page=page, **{size: PAGE}, **arguments)
        more, total = getattr(answer, key), getattr(answer, "total_count", None)
        kind = type(more)
        before = len(found)
        found |= more if isinstance(more, dict) else {item.id: item for item in more}
        if not more or (total and len(found) >= total):
            if len(found) < (total or 0):
                raise CloudTrouble(
                    f"Scaleway lists {len(found)} {key} and says that there are {total}.",
                    "We try again automatically.",
                )
            return found if kind is dict else list(found.values())
        if len(found) == before:
            raise CloudTrouble(
                f"Scaleway returned the same page of {key} twice.", "We try again automatically."
            )
    raise CloudTrouble(
        f"Scaleway lists more than {MOST_PAGES} pages of {key}.",
        "Remove everything from the project that does not belong to the machines, or use a project for them alone.",
    )
