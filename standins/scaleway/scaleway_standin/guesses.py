"""What no exchange shows: the one list of it, with what is done to be safe whichever way it is.

`signs` are what a comparison with the exchanges says of it; a guess about how the API behaves has none.
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
        "`GET volume-types` tells what a GB costs, of a volume and of a snapshot",
        "Where it does not answer, the price list's numbers are reckoned with, and it is asked again later.",
        ("GET volume-types",),
    ),
    Guess(
        "Pages are as big as is asked for (`per_page`, `page_size`, at most 100)",
        "A list is over when as many were seen as there are, or when a page is empty, whatever a page holds.",
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
        "What is ours is told by its tags, not by the filter.",
        ("GET ips?project",),
    ),
    Guess(
        "`POST ips` takes tags",
        "Where the answer lacks them, they are set by `PATCH`, as others set them.",
        ("POST ips: .tags",),
    ),
    Guess(
        "`PATCH volume` takes tags",
        "A root is given a name of ours in the same call, and is known by that, by its server, and by its id, which "
        "is written down.",
        ("PATCH volume: .tags",),
    ),
    Guess(
        "`POST servers` takes `security_group`",
        "Before a server boots it is looked whether it is in its own group; if not, it is moved there, as others do.",
        ("POST servers: .security_group",),
    ),
    Guess(
        "`POST servers` takes `protected`",
        "The official SDK for Python sends it, as false, whoever uses it.",
        ("POST servers: .protected",),
    ),
    Guess(
        "`POST security-groups` takes `drop` for what comes in",
        "Where the answer says otherwise, it is set by `PATCH`, as others set it.",
        ("POST security-groups: .inbound_default_policy is “drop”",),
    ),
    Guess(
        "`PATCH server` takes another type of a server that is stopped",
        "Where it is refused, the server is made again, with the same volume.",
        ("PATCH server: .commercial_type",),
    ),
    Guess(
        "The actions `poweroff`, `terminate`, `stop_in_place` and `reboot`, and what their tasks are called",
        "Only the server's state counts, at the next look. `terminate` leaves block volumes; were one gone, its machine would "
        "be stuck and ask an operator, not begin anew.",
        (
            "POST action: .action is “poweroff”",
            "POST action: .action is “terminate”",
            "POST action: .action is “stop_in_place”",
            "POST action: .task.description is",
        ),
    ),
    Guess(
        "A DNS record keeps its comment",
        "A record without one that leads to an address of ours counts as there, and goes when its person leaves.",
        (
            "PATCH records: .changes[].add.records[].comment",
            "PATCH records: .changes[].set.records[].comment",
            "record.comment",
        ),
    ),
    Guess(
        "A DNS record of type AAAA is added and set as one of type A is",
        "It is listed in the same shape. The record of type A is set first.",
        (
            "PATCH records: .changes[].add.records[].type is “AAAA”",
            "PATCH records: .changes[].set.records[].type is “AAAA”",
        ),
    ),
    Guess(
        "Tags of an address show on its server too",
        "Nobody reads them there.",
        ("server.public_ip.tags[]",),
    ),
    Guess(
        "A volume that is let go is `detaching` for a while",
        "An unknown word is waited for, and a volume goes nowhere as long as anything refers to it.",
        ("volume.references[].status is “detaching”",),
    ),
    Guess(
        "Refusals with status 401, 409 and 412, and those for want of stock (503) or quota (403)",
        "The type of an error weighs more than its status. What is not known is taken for “not done”, told, and tried again.",
        ("401: ", "409: ", "412: ", "503: ", "403: "),
    ),
    Guess(
        "`poweron`, too, can meet a lack of stock",
        "It is treated as one that is met when the server is made: the next cheapest place is tried.",
    ),
    Guess(
        "A type may be told as `available` or `scarce` and not be had",
        "A refusal marks it as not to be had until the list is asked for again, for everybody.",
    ),
    Guess(
        "A volume that is on one server is refused to another",
        "A server is made only when none of that person's is seen, and the volume is looked at before it boots.",
    ),
    Guess(
        "A security group that is `syncing` is not deleted",
        "A refusal is waited out and tried again.",
    ),
    Guess(
        "A flexible IPv4 address costs 0.004 euro an hour, and a snapshot is billed at the size of its volume",
        "Sums are reckoned with that, so they are rather too high.",
    ),
    Guess(
        "A volume is found at `/dev/disk/by-id/scsi-0SCW_sbs_volume-ID`",
        "A boot that does not find it says so on the bot's page, and goes on looking; it never takes another disk.",
    ),
    Guess(
        "What a root volume without a name is called",
        "It is not known by its name, unless we gave it one.",
    ),
)


def is_guessed(sign: str) -> bool:
    """Whether this difference from the exchanges is on the list."""
    return any(sign.startswith(known) for guess in GUESSES for known in guess.signs)


def table() -> str:
    """The list as it stands in README.md."""
    rows = [f"| {guess.what} | {guess.safe} |" for guess in GUESSES]
    return "\n".join(["| guess | what is done to be safe either way |", "| --- | --- |", *rows])
