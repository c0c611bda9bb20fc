import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import InvalidFormat, network_key, network_name
from scuttlekit.handshake import MAIN_NETWORK


def test_common_networks_have_names():
    assert network_key("main") == MAIN_NETWORK
    # As Oasis has it in its own configuration.
    assert network_key("oasis") == base64.b64decode("H5EC+V5BU9s0lWxCkt4z8a095Sj8a6TgiLKPYi1JD7s=")


@given(st.sampled_from(["main", "oasis"]) | st.binary(min_size=32, max_size=32).map(base64.b64encode))
def test_a_network_has_one_name(network: str | bytes):
    text = network if isinstance(network, str) else network.decode()
    assert network_name(network_key(text)) == text


def test_the_key_of_a_named_network_is_shown_by_its_name():
    assert network_name(network_key(base64.b64encode(MAIN_NETWORK).decode())) == "main"


@pytest.mark.parametrize("text", ["", "Main", "own", "AAAA", "A" * 44, base64.b64encode(b"n" * 33).decode()])
def test_anything_but_a_name_or_key_is_refused(text: str):
    with pytest.raises(InvalidFormat):
        network_key(text)
