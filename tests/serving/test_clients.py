"""Who is known before anything is looked up."""

from butt.serving.clients import Client, KnownClients, client_of, cookie_of


def scope(*heads: tuple[bytes, bytes], address: str = "192.0.2.1") -> dict[str, object]:
    return {"client": (address, 1234), "headers": list(heads)}


def test_a_client_is_an_address_with_a_cookie_or_a_token():
    cookie, other = scope((b"cookie", b"a=1; butt=abc")), scope((b"cookie", b"butt=abd"))
    token = scope((b"authorization", b"Bearer abc"))
    seen = {client_of(each, "butt") for each in (cookie, other, token, scope())}
    assert len(seen) == 4
    assert client_of(scope((b"cookie", b"butt=abc; b=2")), "butt") == client_of(cookie, "butt")


def test_a_cookie_is_found_by_its_whole_name():
    asked = scope((b"cookie", b"unknown=1; known=2"), (b"cookie", b"late=3"))
    assert [cookie_of(asked, name) for name in ("known", "late", "own", "none")] == ["2", "3", "", ""]


def test_the_known_clients_are_bounded_and_the_latest_stay():
    known = KnownClients(2)
    first, second, third = (Client("192.0.2.0/32", number) for number in (1, 2, 3))
    for client in (first, second, first, third):
        known.add(client)
    assert [client in known for client in (first, second, third)] == [True, False, True]


def test_a_client_without_cookie_or_token_is_never_known():
    known = KnownClients(2)
    known.add(Client("192.0.2.0/32", 0))
    assert Client("192.0.2.0/32", 0) not in known
