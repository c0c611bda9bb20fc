from django.urls import path

from butt.public import live
from butt.public.api.api import api
from butt.public.pages import billing, bot, code, entry, home, log, status

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
    path("bots/<slug:name>/log", log.log, name="log"),
    path("bots/<slug:name>/log/lines", log.lines, name="log-lines"),
    path("bots/<slug:name>/delete", bot.delete, name="delete"),
    path("bots/<slug:name>/upgrade", code.upgrade, name="upgrade"),
    path("bots/<slug:name>/<slug:verb>", bot.ask, name="ask"),
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
