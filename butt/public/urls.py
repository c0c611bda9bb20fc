from django.contrib.admin import site
from django.urls import path

from butt.public import live
from butt.public.account_urls import account_patterns
from butt.public.api.api import api
from butt.public.pages import bot, entry, home, look, people, status

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
    path("bots/<slug:name>/people", people.people, name="people"),
    path("bots/<slug:name>/people/leave", people.leave, name="leave"),
    path("bots/<slug:name>/people/<int:number>/withdraw", people.withdraw, name="withdraw"),
    path("bots/<slug:name>/<slug:verb>", bot.ask, name="ask"),
    path("join/<str:key>", people.join, name="join"),
    *account_patterns,
    path("console/look/<uuid:person_id>", look.look, name="look"),
    path("look/end", look.end_look, name="end-look"),
    path("console/", site.urls),
    path("letters", status.letters, name="letters"),
    path("live", live.live, name="live"),
    path("", api.urls),
]
handler400 = "butt.public.pages.errors.bad_request"
handler404 = "butt.public.pages.errors.not_found"
handler500 = "butt.public.pages.errors.server_error"
