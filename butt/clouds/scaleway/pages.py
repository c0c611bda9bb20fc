"""Lists that come in pages."""

from collections.abc import Callable
from typing import Any

from butt.clouds.interface import CloudTrouble

PAGE, MOST_PAGES = 100, 400


def all_of(fetch: Callable[..., Any], key: str, size: str, **arguments: Any) -> Any:
    """All that `fetch` lists under `key`, or trouble: something left out would be made again.

    `size` is the name of the parameter for a page's size. How many a page really holds is up to Scaleway: a list is over
    when as many were seen as it says there are, or, where it does not say, when a page is empty.
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
                f"Scaleway lists the same {key} again and again.", "We try again automatically."
            )
    raise CloudTrouble(
        f"Scaleway lists more than {MOST_PAGES} pages of {key}.",
        "Remove from the project what does not belong to the machines, or give them a project of their own.",
    )
