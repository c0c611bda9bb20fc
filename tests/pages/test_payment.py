"""Registering, paying and naming a bot in a real browser, offline, with the stand-in that `butt up`
starts.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.billing.stripes import ALWAYS, DECLINED, GOOD, SECURE, StandIn, quantity_of
from tests.pages.conftest import DESK, PATIENCE, PHONE, browsing
from tests.pages.first_load import MOST_BYTES, SETTLED, SHIFTS, Load
from tests.pages.test_looks import Look, puts_on, violations
from tests.people import PASSWORD
from tests.service import Service, wait_for

ALIVE_BY = 60_000
LOOKS = [(PHONE, "light"), (PHONE, "dark"), (DESK, "light"), (DESK, "dark")]


@pytest.fixture(scope="module")
def paid_site(tmp_path_factory: pytest.TempPathFactory, built_pub: Path) -> Iterator[Service]:
    pages = {name: f"https://butt.example/{name}" for name in ("terms", "privacy", "imprint")}
    with Service(tmp_path_factory.mktemp("home"), built_pub, billing="stripe", tax="15%", **pages) as service:
        yield service


@pytest.fixture(scope="module")
def money(paid_site: Service) -> StandIn:
    there = StandIn(f"http://127.0.0.1:{paid_site.stand_in_port}")
    wait_for(there.answers)
    return there


def comes(page: Page, site: Service, name: str) -> None:
    page.goto(f"{site.url}/start")
    page.get_by_label("email").fill(f"{name}@example.org")
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("welcome!")).to_be_visible()


FRAME = "iframe[title='Secure payment input frame']"


def enters(page: Page, number: str) -> None:
    """In Stripe's own frame, or its stand-in's."""
    field = page.frame_locator(FRAME)
    for name, value in (("Card number", number), ("Expiration date", "12 / 34"), ("Security code", "123")):
        field.get_by_label(name).fill(value)


def bank_asks(page: Page, answer: str) -> None:
    page.frame_locator("iframe[title='Secure authentication frame']").get_by_role(
        "button", name=answer
    ).click()


def says(page: Page, url: str, text: str) -> bool:
    """Whether the page says it when it is reloaded: what Stripe did is seen a moment later."""
    page.goto(url)
    return bool(page.get_by_text(re.compile(text)).count())


def subscription_of(money: StandIn, name: str) -> Any:
    """The only subscription of the only customer."""
    customers = [each for each in money.all("customers") if each["email"] == f"{name}@example.org"]
    assert len(customers) <= 1
    found = money.live(customer=customers[0]["id"]) if customers else []
    assert len(found) <= 1
    return found[0] if found else None


def test_a_new_person_pays_and_the_bill_agrees_with_the_stand_in(
    paid_site: Service, money: StandIn, page: Page
):
    comes(page, paid_site, "alice")
    expect(page.get_by_text("no money moves")).to_be_visible()
    enters(page, "4242 4242 4242 4242")
    page.get_by_role("group", name="bot").get_by_label("name").fill("alices")
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)

    wait_for(lambda: (subscription_of(money, "alice") or {}).get("status") == "active")
    subscription = subscription_of(money, "alice")
    assert quantity_of(subscription) == 1
    for text in (r"1 bot . \$5\.00 a month", r"visa •••• 4242", r"\$5\.75 including tax on "):
        wait_for(lambda text=text: says(page, f"{paid_site.url}/billing", text))
    number = money.all("invoices", customer=subscription["customer"])[0]["id"]
    page.goto(f"{paid_site.url}/billing/invoices/{number}")
    for cell in ("$5.00", "$0.75", "$5.75"):
        expect(page.get_by_role("cell", name=cell, exact=True)).to_be_visible()

    page.goto(f"{paid_site.url}/billing/cancel")
    page.get_by_role("button", name="stop paying").click()
    expect(page.get_by_text("You cancelled")).to_be_visible()
    wait_for(lambda: subscription_of(money, "alice")["cancel_at_period_end"])
    page.get_by_role("button", name="keep paying").click()
    expect(page.get_by_text("You cancelled")).to_be_hidden()
    wait_for(lambda: not subscription_of(money, "alice")["cancel_at_period_end"])


@pytest.fixture(scope="module")
def walk(paid_site: Service, money: StandIn, browser: Browser) -> dict[Look, list[tuple]]:
    """For each look and page: its path, what axe finds there, and whether it fits. Each page is loaded once."""
    walked: dict[Look, list[tuple]] = {look: [] for look in LOOKS}
    with browsing(browser, {}) as context:
        page = context.new_page()
        comes(page, paid_site, "erin")
        for path in ("/newbie", "/billing", "/billing/card", "/billing/address"):
            page.goto(paid_site.url + path)
            for look in LOOKS:
                puts_on(page, look)
                fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                # Stripe's frames are not ours, and axe cannot look into them.
                walked[look].append((path, violations(page, iframes=False), fits))
    return walked


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look[0][0]}-{look[1]}")
def test_the_payment_pages_are_accessible(walk: dict[Look, list[tuple]], look: Look):
    for path, found, fits in walk[look]:
        assert found == "", path
        assert fits, path


@pytest.mark.parametrize("look", [(PHONE, "light"), (DESK, "light")], indirect=True)
def test_the_payment_pages_are_light_and_do_not_move(
    paid_site: Service, money: StandIn, browser: Browser, page: Page, look: Any
):
    """The script with which a card is entered is not ours, and not weighed."""
    comes(page, paid_site, f"leo-{look['viewport']['width']}")
    cookies = page.context.cookies()
    for path in ("/newbie", "/billing", "/billing/card", "/billing/address", "/billing/cancel"):
        context = browser.new_context(**look)
        context.add_cookies(cookies)
        context.add_init_script(SHIFTS)
        fresh = context.new_page()
        load = Load(fresh)
        fresh.goto(paid_site.url + path)
        if path in {"/newbie", "/billing/card"}:
            expect(fresh.frame_locator(FRAME).get_by_label("Card number")).to_be_visible()
        fresh.wait_for_timeout(SETTLED)
        assert fresh.evaluate("window.shifts") == [], path
        assert 2_000 < sum(load.weights(paid_site.url).values()) < MOST_BYTES, path
        context.close()


def test_stripes_script_is_allowed_only_where_a_card_is_entered(
    paid_site: Service, money: StandIn, page: Page
):
    comes(page, paid_site, "frank")
    there = f"127.0.0.1:{paid_site.stand_in_port}"
    for path, is_let_in in (
        ("/newbie", True),
        ("/billing/card", True),
        ("/billing", False),
        ("/bots", False),
    ):
        answer = page.goto(paid_site.url + path)
        assert answer
        policy = answer.headers["content-security-policy"]
        assert (there in policy) is is_let_in, path
        assert "unsafe" not in policy


def test_without_stripes_script_the_page_says_so_and_loses_nothing(
    paid_site: Service, money: StandIn, browser: Browser
):
    page = browser.new_page()
    page.route("**/v3/**", lambda route: route.abort())
    comes(page, paid_site, "gail")
    expect(page.get_by_text("Stripe cannot be reached.")).to_be_visible()
    page.get_by_role("group", name="bot").get_by_label("name").fill("gails")
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("A card is needed first")).to_be_visible()
    expect(page.get_by_role("group", name="bot").get_by_label("name")).to_have_value("gails")
    page.context.close()


def test_a_declined_card_says_so_and_another_works(paid_site: Service, money: StandIn, browser: Browser):
    # The browser reports an answer with an error status by itself.
    page = browser.new_page(viewport={"width": PHONE[0], "height": PHONE[1]})
    page.set_default_timeout(PATIENCE)
    comes(page, paid_site, "bob")
    page.get_by_role("group", name="bot").get_by_label("name").fill("bobs")
    expect(page.frame_locator(FRAME).get_by_label("Card number")).to_be_visible()
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("Please enter your card.")).to_be_visible()
    enters(page, DECLINED)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("Your card was declined.")).to_be_visible()
    assert subscription_of(money, "bob") is None
    enters(page, GOOD)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)
    page.context.close()


def test_while_stripe_does_not_answer_the_page_says_so_and_tries_again_by_itself(
    paid_site: Service, money: StandIn, page: Page
):
    # The client tries each call twice.
    money.steer("faults", rules=[{"method": "POST", "path": "setup_intents", "do": "503", "times": 2}])
    comes(page, paid_site, "stella")
    expect(page.get_by_text("Stripe does not answer.")).to_be_visible()
    page.get_by_role("group", name="bot").get_by_label("name").fill("stellas")
    enters(page, GOOD)
    expect(page.get_by_text("Stripe does not answer.")).to_be_hidden()

    money.steer("faults", rules=[{"method": "GET", "path": "setup_intents", "do": "503", "times": 2}])
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("Your card is entered, but not saved yet.")).to_be_visible()
    expect(page.get_by_role("heading", name="stellas.localhost")).to_be_visible()


def test_a_card_that_asks_to_confirm_is_confirmed_in_place(paid_site: Service, money: StandIn, page: Page):
    comes(page, paid_site, "carol")
    enters(page, ALWAYS)
    page.get_by_role("group", name="bot").get_by_label("name").fill("carols")
    page.get_by_role("button", name="yes").click()
    bank_asks(page, "Complete authentication")
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)

    # The bank of this card asks again at each charge.
    wait_for(lambda: subscription_of(money, "carol"))

    def banner() -> bool:
        page.goto(f"{paid_site.url}/bots")
        return page.get_by_text("Your bank wants you to confirm your payment.").is_visible()

    wait_for(banner)
    page.get_by_role("link", name="pay").click()
    expect(page.get_by_role("button", name="confirm")).to_be_visible()
    page.wait_for_load_state()
    page.get_by_role("button", name="confirm").click()
    bank_asks(page, "Complete authentication")
    expect(page.get_by_role("button", name="confirm")).to_be_hidden()
    expect(page.get_by_text("confirm your payment")).to_be_hidden()
    assert subscription_of(money, "carol")["status"] == "active"

    # It asks when the month is over, too; the mail leads to the same place.
    money.month_ends(subscription_of(money, "carol"))
    wait_for(banner)
    page.get_by_role("link", name="pay").click()
    page.get_by_role("button", name="confirm").click()
    bank_asks(page, "Complete authentication")
    expect(page.get_by_role("button", name="confirm")).to_be_hidden()
    assert [
        each["status"] for each in money.all("invoices", customer=subscription_of(money, "carol")["customer"])
    ] == [
        "paid",
        "paid",
    ]


def test_a_refused_wallet_says_so_and_another_works(paid_site: Service, money: StandIn, page: Page):
    comes(page, paid_site, "walter")
    page.get_by_role("group", name="bot").get_by_label("name").fill("walters")
    page.frame_locator(FRAME).get_by_role("button", name="Google Pay").click()
    for answer in ("Refuse", "Pay with visa"):
        with page.expect_popup() as opened:
            page.get_by_role("button", name="yes").click()
        button = opened.value.get_by_role("button", name=answer)
        button.click(trial=True)
        # The window closes at the click, maybe before the browser reports the click.
        button.evaluate("button => setTimeout(() => button.click())")
        if answer == "Refuse":
            expect(page.locator("#card-said")).to_have_text("The wallet refused.")
    expect(page.get_by_role("heading", name="walters.localhost")).to_be_visible()


def test_an_invoice_has_the_address_and_a_new_card_replaces_the_old(
    paid_site: Service, money: StandIn, page: Page
):
    comes(page, paid_site, "nora")
    page.goto(f"{paid_site.url}/billing/address")
    for label, value in (("name or company", "Krake OG"), ("street", "Gasse 1"), ("city", "Wien")):
        page.get_by_label(label).fill(value)
    page.get_by_label("country").select_option("AT")
    page.get_by_label("VAT or tax number").fill("not one!")
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("This is not a valid tax number for this country.")).to_be_visible()
    page.get_by_label("VAT or tax number").fill("ATU12345678")
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("Saved. It appears on your next invoice.")).to_be_visible()
    for number in (GOOD, "5555555555554444"):
        page.goto(f"{paid_site.url}/billing/card")
        enters(page, number)
        page.get_by_role("button", name="yes").click()
        expect(page.get_by_text(f"•••• {number[-4:]}")).to_be_visible()
    (customer,) = [each for each in money.all("customers") if each["email"] == "nora@example.org"]
    assert customer["address"]["city"] == "Wien"
    (number,) = money.v1.customers.tax_ids.list(customer["id"]).data
    assert number.value == "ATU12345678"


def test_without_a_card_the_api_says_so_and_the_pages_ask_for_one(
    paid_site: Service, money: StandIn, page: Page
):
    dan = paid_site.person("dan@example.org")
    status, answer = paid_site.ask(
        "POST", "/agents", {"type": "bot", "name": "dans", "service": "pub"}, dan.token
    )
    assert (status, answer["error"]["code"]) == (402, "payment_due")
    assert f"{paid_site.url}/billing" in answer["error"]["message"]

    page.goto(f"{paid_site.url}/start?next=/bots/new")
    page.get_by_label("email").fill("dan@example.org")
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_role("heading", name="card")).to_be_visible()
    enters(page, GOOD)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_role("heading", name="new bot")).to_be_visible()
    dan.names_a_bot("dans")


def test_only_events_of_the_stand_in_are_accepted(paid_site: Service, money: StandIn):
    assert paid_site.ask("POST", "/stripe/webhook", {"id": "evt_1"})[0] == 400
    log = (paid_site.home / "up.log").read_text()
    assert not re.search(r"4242424242424242|sk_test|whsec|_secret_", log)


def test_an_unconfirmed_card_is_not_accepted(paid_site: Service, money: StandIn, browser: Browser):
    page = browser.new_page(viewport={"width": PHONE[0], "height": PHONE[1]})
    page.set_default_timeout(PATIENCE)
    comes(page, paid_site, "heidi")
    page.get_by_role("group", name="bot").get_by_label("name").fill("heidis")
    enters(page, SECURE)
    page.get_by_role("button", name="yes").click()
    bank_asks(page, "Fail authentication")
    expect(page.locator("#card-said")).to_contain_text("unable to authenticate")
    assert paid_site.ask("GET", "/@heidis")[0] == 404
    enters(page, GOOD)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)
    page.context.close()


def test_two_tabs_two_clicks_and_an_expired_session_make_one_bot(
    paid_site: Service, money: StandIn, browser: Browser
):
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page, other = context.new_page(), context.new_page()
    comes(page, paid_site, "ivan")
    other.goto(f"{paid_site.url}/newbie")
    enters(page, GOOD)
    page.get_by_role("group", name="bot").get_by_label("name").fill("ivans")
    page.get_by_role("button", name="yes").dblclick()
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)

    enters(other, GOOD)
    other.get_by_role("group", name="bot").get_by_label("name").fill("ivans")
    other.get_by_role("button", name="yes").click()
    expect(other.get_by_role("link", name="ivans.localhost")).to_be_visible()

    # There is a second one only once the first is paid for.
    wait_for(lambda: "$5.75</b>" in page.goto(f"{paid_site.url}/billing").text())
    page.goto(f"{paid_site.url}/bots/new")
    page.get_by_label("name").fill("second")
    page.get_by_role("button", name="yes").dblclick()
    expect(page.get_by_role("heading", name="second.localhost")).to_be_visible()
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)
    wait_for(lambda: quantity_of(subscription_of(money, "ivan")) == 2)

    page.goto(f"{paid_site.url}/billing/card")
    context.clear_cookies(name="butt")
    enters(page, GOOD)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_role("heading", name="start")).to_be_visible()
    page.get_by_label("email").fill("ivan@example.org")
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_role("heading", name="card")).to_be_visible()
    page.goto(f"{paid_site.url}/billing")
    expect(page.get_by_text("visa •••• 4242")).to_be_visible()
    context.close()
