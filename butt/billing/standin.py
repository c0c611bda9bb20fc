"""Stripe's local stand-in, for trying: no money moves. Its state lies in the home folder, and only this machine hears it."""

import pickle  # nosec B403 # what it reads, it wrote itself

from butt.configuration import Configuration
from scuttlekit.files import write_whole


def serve(settings: Configuration) -> None:
    """Until the process ends. It tells the public server of what happens, as Stripe does."""
    from aiohttp import web
    from localstripe.resources import Store, store
    from localstripe.server import app
    from localstripe.webhooks import register_webhook

    path = settings.home / "stand-in.pickle"

    class Kept(Store):  # type: ignore[misc]
        """Kept in one write when a call ends, so that being killed leaves no half of it."""

        __setitem__, __delitem__ = dict.__setitem__, dict.__delitem__

        def dump_to_disk(self) -> None:
            write_whole(path, pickle.dumps(dict(self)))

    store.__class__ = Kept
    if path.exists():
        store.update(pickle.loads(path.read_bytes()))  # nosec B301 # noqa: S301 - written by ourselves, for our eyes alone
    hook = f"http://127.0.0.1:{settings.port}/stripe/webhook"
    register_webhook("butt", hook, settings.webhook_secret(), None)
    web.run_app(app, host="127.0.0.1", port=settings.stand_in_port, access_log=None, print=None)
