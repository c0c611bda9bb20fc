from django.contrib.admin import site
from django.urls import path

from butt.public import live
from butt.public.account_urls import account_patterns
from butt.public.api.api import api
from butt.public.pages import (
    billing,
    bot,
    code,
    entry,
    export,
    home,
    imports,
    invites,
    log,
    look,
    open_to_all,
    peers,
    people,
    status,
)

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
    path("bots/<slug:name>/network", peers.peers, name="peers"),
    path("bots/<slug:name>/delete", bot.delete, name="delete"),
    path("bots/<slug:name>/people", people.people, name="people"),
    path("bots/<slug:name>/people/leave", people.leave, name="leave"),
    path("bots/<slug:name>/people/<int:number>/withdraw", people.withdraw, name="withdraw"),
    path("bots/<slug:name>/upgrade", code.upgrade, name="upgrade"),
    path("bots/<slug:name>/export", export.export, name="export"),
    path("bots/<slug:name>/export/password", export.password, name="export-password"),
    path("bots/<slug:name>/caught-up", imports.caught_up, name="caught-up"),
    path("bots/<slug:name>/<slug:verb>", bot.ask, name="ask"),
    path("join/<slug:token>", open_to_all.join, name="join"),
    path("@<slug:name>", open_to_all.profile, name="profile"),
    path("robots.txt", open_to_all.robots, name="robots"),
    path("share/<str:key>", people.share, name="share"),
    *account_patterns,
    path("console/look/<uuid:person_id>", look.look, name="look"),
    path("look/end", look.end_look, name="end-look"),
    path("console/", site.urls),
    path("letters", status.letters, name="letters"),
    path("billing", billing.bill, name="billing"),
    path("billing/card", billing.card, name="card"),
    path("billing/pay", billing.pay, name="pay"),
    path("billing/cancel", billing.cancel, name="cancel"),
    path("billing/resume", billing.resume, name="resume"),
    path("billing/invoices/<slug:number>", billing.invoice, name="invoice"),
    path("stripe/webhook", billing.webhook, name="stripe-webhook"),
    path("live", live.live, name="live"),
    path("", api.urls),
]
handler400 = "butt.public.pages.errors.bad_request"
handler404 = "butt.public.pages.errors.not_found"
handler500 = "butt.public.pages.errors.server_error"
