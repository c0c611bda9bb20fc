"""People who share their bots with each other, over mail and pages; and tokens that are taken back."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chaos.people import Person

READ = 400_000
"""Bytes of the newest mail."""


def shares(person: "Person", bot: Any) -> None:
    """A person who shares a bot can do everything its owner can, so nobody alone knows what is wanted of
    it.
    """
    if person.is_mine_alone(bot) and person.random.random() < 0.3 and is_known_by_mail(person):
        path = f"/bots/{bot['name']}/people"
        person.shared.add(bot["id"])
        for other in {"ada@example.org", "ben@example.org"} - {person.email}:
            person.calls.sends(person.calls.page(path), path, email=other)


def joins(person: "Person", bot: Any) -> None:  # noqa: ARG001 - it is of bots that are not theirs yet
    for link in _links(person, "share")[-2:]:
        if person.signs_in() and (shown := person.calls.page(link)).status_code == 200:
            person.calls.sends(shown, link)
            person.journal.count("shared")


def leaves(person: "Person", bot: Any) -> None:
    if not person.is_mine(bot) and person.signs_in():
        shown = person.calls.page(f"/bots/{bot['name']}/people")
        person.calls.sends(shown, f"/bots/{bot['name']}/people/leave")


def renews_tokens(person: "Person", bot: Any) -> None:  # noqa: ARG001 - it is the person's own affair
    """Take all tokens back, then sign in again; an old one must not work."""
    if not person.signs_in():
        return
    shown = person.calls.page("/account/tokens")
    try:
        taken_back = [
            person.calls.sends(shown, path).status_code == 200
            for path in re.findall(r'action="(/account/tokens/\d+/revoke)"', shown.text)
        ]
        if taken_back and all(taken_back) and person.calls.call("GET", "/agents", {401})[0] == 401:
            person.journal.count("token taken back")
    finally:
        # If cut off in between, nobody knows whether the old one still works.
        person.calls.token = ""


def is_known_by_mail(person: "Person") -> bool:
    """Whether they followed the link in the first mail; they do."""
    if not person.signs_in():
        return False
    for link in _links(person, "account/email")[-1:]:
        shown = person.calls.page(link)
        if shown.status_code == 200:
            person.calls.sends(shown, link)
    return True


def _links(person: "Person", to: str) -> list[str]:
    """The links in their mail, oldest first."""
    with person.world.mail.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - READ))
        text = file.read().decode(errors="replace")
    of_mail = rf"To: {re.escape(person.email)}\n(?:(?!-{{20}}).)*?https?://[^/\s]+(/{to}/\S+)"
    return re.findall(of_mail, text, re.DOTALL)
