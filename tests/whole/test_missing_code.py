"""A release whose folder is gone, although it was built."""

from pathlib import Path

from tests.service import Service, wait_for


def test_a_bot_whose_code_is_missing_says_so_and_comes_back_with_it(tmp_path: Path, built_pub: Path):
    with Service(tmp_path / "home", built_pub) as site:
        alice = site.person("alice@example.org")
        bot = alice.waits_for("alive", alice.names_a_bot("my"))
        place = site.home / "releases" / bot["release"]
        place.rename(tmp_path / "aside")
        alice.asks("restart", bot)
        waiting = wait_for(lambda: (seen := alice.sees(bot)).get("reason") and seen)
        assert "its code is no longer on this disk" in waiting["reason"]
        assert site.pubs() == []
        (tmp_path / "aside").rename(place)
        after = alice.waits_for("alive", bot)
        assert after["ssbId"] == bot["ssbId"]
