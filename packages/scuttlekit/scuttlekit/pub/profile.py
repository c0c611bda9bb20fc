"""The pub's profile, published in messages of the type `about`."""

import asyncio
from typing import Any

from scuttlekit.errors import RemoteError
from scuttlekit.pub.own_words import latest_said
from scuttlekit.pub.store import Store, Stored


class Profile:
    """The name and description of the pub in its own feed."""

    def __init__(self, store: Store, own_id: str) -> None:
        self._store = store
        self._own_id = own_id
        self._turn = asyncio.Lock()

    async def describe(self, wanted: Any) -> dict[str, int]:
        """Publish a profile, and return the message's `sequence`. If the feed already says this, publish nothing.

        Raises RemoteError.
        """
        name, description = (
            (wanted.get("name"), wanted.get("description")) if isinstance(wanted, dict) else (None, None)
        )
        if not isinstance(name, str) or not isinstance(description, str):
            raise RemoteError("a profile has a name and a description")
        async with self._turn:
            said = self._said()
            if said is not None:
                content = said.value["content"]
                if content.get("name") == name and (content.get("description") or "") == description:
                    return {"sequence": said.value["sequence"]}
            about = {"type": "about", "about": self._own_id, "name": name, "description": description}
            published = await self._store.publish(about)
            return {"sequence": published.value["sequence"]}

    def _said(self) -> Stored | None:
        """The latest message in which the pub describes itself."""
        return latest_said(
            self._store,
            self._own_id,
            lambda content: content.get("type") == "about" and content.get("about") == self._own_id,
        )
