from django.urls import path

from butt.public import live
from butt.public.api.api import api
from butt.public.pages import bot, entry, export, home, status

urlpatterns = [
    path("", home.landing, name="landing"),
    path("up", home.up, name="up"),
    path("start", entry.start, name="start"),
    path("sign-out", entry.sign_out, name="sign-out"),
    path("newbie", entry.newbie, name="newbie"),
    path("name", entry.name, name="name"),
    path("bots", home.dashboard, name="dashboard"),
    path("bots/new", entry.another, name="another"),
    path("bots/<slug:name>", bot.actions, name="bot"),
    path("bots/<slug:name>/status", status.status, name="status"),
    path("bots/<slug:name>/delete", bot.delete, name="delete"),
    path("bots/<slug:name>/export", export.export, name="export"),
    path("bots/<slug:name>/export/password", export.password, name="export-password"),
    path("bots/<slug:name>/<slug:verb>", bot.ask, name="ask"),
    path("letters", status.letters, name="letters"),
    path("live", live.live, name="live"),
    path("", api.urls),
]
handler400 = "butt.public.pages.errors.bad_request"
handler404 = "butt.public.pages.errors.not_found"
handler500 = "butt.public.pages.errors.server_error"
