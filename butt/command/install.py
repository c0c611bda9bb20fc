"""`butt install`, `butt uninstall` and `butt first-operator`: install a control plane on Debian, and remove it again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from butt.command import cli, configure, home_option
from butt.configuration import Configuration
from butt.environment import for_tools
from butt.installing import HOME, NAME, SETTINGS, InstallError
from butt.installing.debian import check_system
from butt.installing.operators import COMMAND as FIRST_OPERATOR
from butt.installing.plan import ASKED, STRIPE, Plan, missing, read, settings_of
from butt.installing.settings import COMMAND, environment
from butt.installing.steps import BEGUN, DONE, TO_DO, steps
from butt.installing.steps import install as go_through
from butt.installing.steps import uninstall as take_back
from butt.installing.system import System

QUESTIONS = {
    "BUTT_DOMAIN": "The domain of the site; bots are named below it",
    "BUTT_EMAIL_URL": "The mail server, as smtp://user:password@mail.example.org:587",
    "BUTT_BILLING": "How bots are paid for: free, or stripe",
    "BUTT_STRIPE_SECRET_KEY": "Stripe's secret key",
    "BUTT_STRIPE_PUBLISHABLE_KEY": "Stripe's publishable key",
    "BUTT_STRIPE_WEBHOOK_SECRET": "The signing secret of Stripe's webhook endpoint",
}
OPTIONS = {"BUTT_DOMAIN": "--domain", "BUTT_EMAIL_URL": "--mail", "BUTT_BILLING": "--billing"}
SIGNS = {DONE: ("✓", "green"), TO_DO: ("+", "yellow"), BEGUN: ("…", "yellow")}


@cli.command()
@click.option("--domain", metavar="DOMAIN", help="The domain of the site; bots are named below it.")
@click.option(
    "--mail", metavar="URL", help="The mail server, as BUTT_EMAIL_URL. With a password, give that variable."
)
@click.option("--billing", type=click.Choice(["free", "stripe"]), help="How bots are paid for.")
@click.option("--operator", metavar="ADDRESS", help="The first operator (default: operator@DOMAIN).")
@click.option("--dry-run", is_flag=True, help="Only print what would be done.")
def install(
    domain: str | None, mail: str | None, billing: str | None, operator: str | None, dry_run: bool
) -> None:
    """Install the control plane on this Debian, as root: PostgreSQL, Salt, Caddy, and the parts as units of systemd.

    At a terminal, it asks for what you did not give. Run it again to finish what was interrupted, after a change of the settings, or after
    an upgrade.
    """
    system, program = System(), _program()
    with _in_words():
        _as_root()
        check_system(system, program)
        kept = read(system.read(SETTINGS) or "")
        given = _answers(kept, {"BUTT_DOMAIN": domain, "BUTT_EMAIL_URL": mail, "BUTT_BILLING": billing})
        settings = settings_of(kept, given)
        _check(settings)
        plan = Plan(settings, str(program), operator or f"operator@{settings['BUTT_DOMAIN']}")
        with system.alone():
            go_through(steps(system, plan), _tell, dry_run=dry_run)
            if not dry_run:
                _last_words(system, plan)


@cli.command()
@click.option("--yes", is_flag=True, help="Do not ask first.")
def uninstall(yes: bool) -> None:
    """Remove what `butt install` installed. The data stays, and the command says where it is."""
    system = System()
    with _in_words():
        _as_root()
        kept = read(system.read(SETTINGS) or "")
        if not yes:
            _ask_before_uninstalling()
        with system.alone():
            take_back(steps(system, Plan({"BUTT_DOMAIN": "", **kept}, str(_program()))), _tell)
    click.echo(f"The program itself stays too. To remove it: rm -r {sys.prefix}")


@cli.command()
@home_option
@click.argument("address", required=False)
def first_operator(home: Path | None, address: str | None) -> None:
    """Make ADDRESS the first operator, if there is none yet.

    Shows the link with which an operator who has no password chooses one. Ends with 1 when there is no operator.
    """
    configure(home=home)

    from butt.operating.people import make_first, operators
    from butt.public.letters import password_link

    if address:
        make_first(address)
    if not operators().exists():
        raise click.ClickException("There is no operator. Give an address to make one.")
    for account in operators():
        if not account.has_usable_password():
            click.echo(
                f"{account.email} chooses a password here, once, within three days: {password_link(account)}"
            )


@contextmanager
def _in_words() -> Iterator[None]:
    """Say which file was the trouble, and what to do."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise click.ClickException(
            f"{error.filename or 'A file'} cannot be written or read: {why}. Fix that and run the command again. It continues "
            "where it stopped."
        ) from None


def _ask_before_uninstalling() -> None:
    """Raises `InstallError` unless somebody at the terminal says yes."""
    question = f"The service stops, and its units, its proxy, Salt and {SETTINGS} are removed. The data stays. Go on?"
    if not (sys.stdin.isatty() and click.confirm(question)):
        raise InstallError("Nothing was done. Give --yes to uninstall without being asked.")


def _as_root() -> None:
    if os.geteuid():
        raise InstallError("Only root can install a service on this machine: run this with sudo, or as root.")
    # Files made here must be readable by the service's user unless their code says otherwise.
    os.umask(0o022)


def _program() -> Path:
    """The path of `butt` in the environment that is running now."""
    program = Path(sys.prefix) / "bin" / "butt"
    if not program.exists() or str(program) == COMMAND:
        raise click.ClickException(
            "Install the service into an environment of its own first: `python3 -m venv /opt/butt`, then "
            "`/opt/butt/bin/pip install` with the wheel, then `/opt/butt/bin/butt install`."
        )
    return program


def _answers(kept: dict[str, str], options: dict[str, str | None]) -> dict[str, str]:
    """The new answers: from options, from variables, and from the person at the terminal. Raises
    `InstallError`.
    """
    mail = options["BUTT_EMAIL_URL"] or ""
    if "@" in mail and ":" in mail.rpartition("@")[0].partition("://")[2]:
        raise InstallError(
            "Everybody on this machine can read a password among a command's arguments. Give it in the variable BUTT_EMAIL_URL "
            "instead of --mail, or at the terminal."
        )
    variables = {name: os.environ.get(name) for name in (*ASKED, *STRIPE)}
    given = {name: value for said in (variables, options) for name, value in said.items() if value}
    while left := missing({**kept, **given}):
        if not sys.stdin.isatty():
            names = ", ".join(f"{OPTIONS[name]} (or {name})" if name in OPTIONS else name for name in left)
            raise InstallError(f"There is no terminal to ask at. Give {names}. Nothing was done.")
        for name in left:
            secret = name in STRIPE
            choice = click.Choice(["free", "stripe"]) if name == "BUTT_BILLING" else None
            given[name] = click.prompt(QUESTIONS[name], hide_input=secret, type=choice)
    return given


def _check(settings: dict[str, str]) -> None:
    """Raises pydantic's `ValidationError`, which is shown in words, if the service would not accept them."""
    names = {name.removeprefix("BUTT_").lower(): value for name, value in settings.items()}
    Configuration(**{name: value for name, value in names.items() if name in Configuration.model_fields})  # type: ignore[arg-type]


def _tell(what: str, how: str) -> None:
    sign, colour = SIGNS.get(how, ("-", "yellow"))
    click.echo(f"{click.style(sign, fg=colour)} {what}{'' if how == BEGUN else f': {how}'}")


def _last_words(system: System, plan: Plan) -> None:
    """Show what `butt doctor` says and what is left for somebody to do, and exit as the doctor did."""
    given = environment(system, plan)
    click.echo()
    doctor = ["runuser", "-u", NAME, "--", plan.program, "doctor"]
    variables = {"PATH": system.programs, "LANG": "C.UTF-8", "HOME": HOME, **given}
    done = subprocess.run(doctor, env=for_tools(**variables), cwd=HOME, stdin=subprocess.DEVNULL, check=False)
    click.echo(
        f"\nThe site is https://{plan.domain}. It needs DNS records for {plan.domain} and private.{plan.domain} that lead to this "
        "machine, ports 80 and 443 open to all, and 4505 and 4506 to machines that run bots. `butt machine add` lets the first of "
        "those join."
    )
    click.echo(system.run(plan.program, FIRST_OPERATOR, user=NAME, settings=given), nl=False)
    sys.exit(done.returncode)
