"""The words of each reason in English, by code. Values stand in braces."""

WORDS = {
    # A bot
    "answers-not": "It does not answer.",
    "answers-no-more": "It stopped answering.",
    "answers-too-late": "It did not answer within {seconds} s. {trouble}",
    "being-moved": "It is being moved to {place}. {progress}",
    "blocked": "The operators of this service stopped it: {why}",
    "catching-up": "It is catching up with its own messages. Until then it publishes nothing.",
    "code-not-built": "It keeps its code because the new code could not be built: {why}",
    "code-failed": "It went back to its earlier code because the new code failed: {why}",
    "copy-is-kept": (
        "{why} It was moved to {place}, and its copy on {origin} is kept until it answers. See that its name leads to its new "
        "place, or move it back."
    ),
    "disk-full": "The disk is full.",
    "disk-nearly-full": (
        "It left only {left} of its machine's disk free, so it was stopped. It starts again when {needed} are free."
    ),
    "disk-over-limit": (
        "It used {used} of disk and may use {limit}, so it was stopped. It starts again when it may use more, or when some of "
        "its files are removed."
    ),
    "going-back": "It is going back to its earlier code.",
    "memory-too-small": "It needs more memory than it has.",
    "move-failed": "It was not moved to {place}: {why}",
    "move-reversed": "It is back on {origin}, because it could not start on {place}: {why}",
    "owner-suspended": "It is stopped because its owner's account is suspended.",
    "payment-due": "It is stopped until it is paid for.",
    "port-taken": "Port {port} is taken on its machine.",
    "program-ended": "Its program ended again and again.",
    "program-ended-silently": "Its program ended again and again without a message.",
    "ran-after-all": "It ran at its new place after all, and stays there.",
    "restarting": "It stopped answering and is restarting.",
    "returning": "It is going back to {origin}.",
    "stops-slowly": "It is taking long to stop.",
    "trouble-of-ours": "Something went wrong on our side. We will try again.",
    "waiting-for-machine": "Waiting for its machine: {why}",
    # Why a bot was not moved
    "data-behind": "the data that arrived ends at message {ends}, but its feed has reached {reached}.",
    "data-late": "its data did not arrive within an hour.",
    "no-data-yet": "it has no data yet that could be moved. Start it where it is first.",
    "other-place-wanted": "in the meantime, another place was asked for.",
    "place-gone": "{place} no longer exists.",
    # A place
    "control-plane": "the control plane",
    # A rented machine
    "becoming-bigger": "It moves to a bigger machine.",
    "machine-gone": "Its machine is gone. We are making another one with the same volume.",
    "machine-in-state": "The provider says that its machine is in the state “{state}”.",
    "machine-made-bigger": "Its machine is being made again, with a bigger type.",
    "machine-replaced": "Its machine is being replaced.",
    "name-taken": "The DNS name “{names}” has a record that is not ours. We leave it as it is.",
    "no-zone": "No zone has room for this machine right now. We will try again.",
    "trying-elsewhere": "{why} We will try another place.",
    "volume-elsewhere": "Its volume is still attached to the previous machine.",
    "volume-from-snapshot": "Its volume is being made again from a snapshot.",
    "volume-gone": "Its volume is gone, and there is no snapshot. An operator has to decide what to do.",
    "volume-gone-but-snapshot": (
        "Its volume is gone; the newest snapshot is from {at}. An operator has to decide what to do."
    ),
    "volume-in-state": "The provider says that its volume is in the state “{state}”.",
}
