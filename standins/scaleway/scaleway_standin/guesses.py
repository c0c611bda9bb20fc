"""What no exchange shows: the only list of it, with what we do to be safe either way.

`signs` are the differences from the exchanges that it explains; a guess about the API's behaviour has none.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guess:
    what: str
    safe: str
    signs: tuple[str, ...] = ()


GUESSES = (
    Guess(
        "`GET volume-types` returns the price of a GB of a volume and of a snapshot",
        "If it does not answer, the price list is used, and it is asked again later.",
        ("GET volume-types",),
    ),
    Guess(
        "Pages have the requested size (`per_page`, `page_size`, at most 100)",
        "A list is complete when it has as many items as there are, or when a page is empty, whatever the size of pages.",
        (
            "GET availability?per_page",
            "GET ips?per_page",
            "GET local-images?page",
            "GET local-images?page_size",
            "GET records?page",
            "GET records?page_size",
            "GET security-groups?per_page",
            "GET servers?per_page",
            "GET snapshots?page_size",
            "GET types?per_page",
            "GET volume-types?page_size",
            "GET volumes?page_size",
        ),
    ),
    Guess(
        "`GET ips?project` leaves out the addresses of other projects",
        "We find what is ours by its tags, not by the filter.",
        ("GET ips?project",),
    ),
    Guess(
        "`POST ips` accepts tags",
        "If the answer lacks them, they are set by `PATCH`, as other clients do.",
        ("POST ips: .tags",),
    ),
    Guess(
        "`PATCH volume` accepts tags",
        "A root gets a name of ours in the same call, and is recognised by that name, by its server, and by its saved id.",
        ("PATCH volume: .tags",),
    ),
    Guess(
        "`POST servers` accepts `security_group`",
        "Before a server boots, we check that it is in its own group; if not, it is moved there, as other clients do.",
        ("POST servers: .security_group",),
    ),
    Guess(
        "`POST servers` accepts `protected`",
        "The official SDK for Python always sends it, as false.",
        ("POST servers: .protected",),
    ),
    Guess(
        "`POST security-groups` accepts `drop` for incoming traffic",
        "If the answer says otherwise, it is set by `PATCH`, as other clients do.",
        ("POST security-groups: .inbound_default_policy is “drop”",),
    ),
    Guess(
        "`PATCH server` changes the type of a stopped server",
        "If it is refused, the server is made again with the same volume.",
        ("PATCH server: .commercial_type",),
    ),
    Guess(
        "The actions `poweroff`, `terminate`, `stop_in_place` and `reboot`, and the names of their tasks",
        "Only the server's state at the next look counts. `terminate` leaves block volumes; if one were gone, its machine would "
        "wait for an operator and not start again from nothing.",
        (
            "POST action: .action is “poweroff”",
            "POST action: .action is “terminate”",
            "POST action: .action is “stop_in_place”",
            "POST action: .task.description is",
        ),
    ),
    Guess(
        "A DNS record keeps its comment",
        "A record without one that leads to an address of ours counts as existing, and is removed when its person leaves.",
        (
            "PATCH records: .changes[].add.records[].comment",
            "PATCH records: .changes[].set.records[].comment",
            "record.comment",
        ),
    ),
    Guess(
        "A DNS record of type AAAA is added and set like one of type A",
        "It is listed in the same shape. The record of type A is set first.",
        (
            "PATCH records: .changes[].add.records[].type is “AAAA”",
            "PATCH records: .changes[].set.records[].type is “AAAA”",
        ),
    ),
    Guess(
        "Tags of an address are shown on its server too",
        "Nobody reads them there.",
        ("server.public_ip.tags[]",),
    ),
    Guess(
        "A detached volume is `detaching` for a while",
        "An unknown state is waited for, and a volume is not attached elsewhere while anything refers to it.",
        ("volume.references[].status is “detaching”",),
    ),
    Guess(
        "Errors with status 401, 409 and 412, and those for missing stock (503) or quota (403)",
        "The type of an error counts more than its status. An unknown error counts as “not done”; it is reported and the call is tried again.",
        ("401: ", "409: ", "412: ", "503: ", "403: "),
    ),
    Guess(
        "`poweron` can fail because there is no stock",
        "It is treated like missing stock when a server is made: the next cheapest place is tried.",
    ),
    Guess(
        "A type may be listed as `available` or `scarce` and not be available",
        "A refusal marks it as unavailable for everybody until the list is asked for again.",
    ),
    Guess(
        "A volume on one server cannot be attached to another",
        "A server is made only if that person has none, and the volume is checked before the server boots.",
    ),
    Guess(
        "A security group that is `syncing` cannot be deleted",
        "A refused call is tried again later.",
    ),
    Guess(
        "A flexible IPv4 address costs 0.004 euro an hour, and a snapshot is billed at the size of its volume",
        "Sums use these prices, so they are rather too high.",
    ),
    Guess(
        "A volume is found at `/dev/disk/by-id/scsi-0SCW_sbs_volume-ID`",
        "A boot that does not find it says so on the bot's page and keeps looking; it never uses another disk.",
    ),
    Guess(
        "The name of a root volume that we did not name",
        "It is recognised by its name only if we gave it one.",
    ),
)


def is_guessed(sign: str) -> bool:
    """Whether this difference from the exchanges is on the list."""
    return any(sign.startswith(known) for guess in GUESSES for known in guess.signs)


def table() -> str:
    """The list as README.md shows it."""
    rows = [f"| {guess.what} | {guess.safe} |" for guess in GUESSES]
    return "\n".join(["| guess | what is done to be safe either way |", "| --- | --- |", *rows])
