from django.urls import path

from butt.public import live
from butt.public.api.api import api
from butt.public.pages import bot, code, entry, export, home, imports, invites, log, open_to_all, status

urlpatterns = [
    path("", home.landing, name="landing"),
    path("up", home.up, name="up"),
    path("start", entry.start, name="start"),
    path("sign-out", entry.sign_out, name="sign-out"),
    path("newbie", entry.newbie, name="newbie"),
    path("name", entry.name, name="name"),
    path("bots", home.dashboard, name="dashboard"),
    path("bots/new", entry.another, name="another"),
    path("bots/import", imports.bring, name="import"),
    path("bots/<slug:name>", bot.actions, name="bot"),
    path("bots/<slug:name>/status", status.status, name="status"),
    path("bots/<slug:name>/log", log.log, name="log"),
    path("bots/<slug:name>/log/lines", log.lines, name="log-lines"),
    path("bots/<slug:name>/invites", invites.invites, name="invites"),
    path("bots/<slug:name>/invites/new", invites.new, name="new-invite"),
    path("bots/<slug:name>/invites/<uuid:invite_id>/revoke", invites.revoke, name="revoke"),
    path("bots/<slug:name>/listing", invites.listing, name="listing"),
    path("bots/<slug:name>/delete", bot.delete, name="delete"),
    path("bots/<slug:name>/upgrade", code.upgrade, name="upgrade"),
    path("bots/<slug:name>/export", export.export, name="export"),
    path("bots/<slug:name>/export/password", export.password, name="export-password"),
    path("bots/<slug:name>/caught-up", imports.caught_up, name="caught-up"),
    path("bots/<slug:name>/<slug:verb>", bot.ask, name="ask"),
    path("join/<slug:token>", open_to_all.join, name="join"),
    path("@<slug:name>", open_to_all.profile, name="profile"),
    path("robots.txt", open_to_all.robots, name="robots"),
    path("letters", status.letters, name="letters"),
    path("live", live.live, name="live"),
    path("", api.urls),
]
handler400 = "butt.public.pages.errors.bad_request"
handler404 = "butt.public.pages.errors.not_found"
handler500 = "butt.public.pages.errors.server_error"
