from django.urls import path

from butt.private import agents, health, import_transfers, machines, metrics, vault

urlpatterns = [
    path("agents", agents.agents, name="agents"),
    path("agents/<slug:minion_id>", machines.pillar, name="pillar"),
    path("agents/<slug:minion_id>/report", machines.report, name="report"),
    path("agents/<slug:minion_id>/boot", machines.boot, name="boot"),
    # Served by `butt.private.exports` before Django reads a body; this view answers other methods.
    path("agents/<slug:minion_id>/exports/<uuid:export_id>", machines.only_put, name="export"),
    path("agents/<slug:minion_id>/logs/<uuid:bot_id>", machines.log, name="log"),
    path("agents/<slug:minion_id>/cargo/<uuid:bot_id>", import_transfers.import_transfer, name="cargo"),
    path("agents/<slug:minion_id>/vault", vault.looks, name="vault-looks"),
    path("agents/<slug:minion_id>/vault/<uuid:bot_id>", vault.stored, name="vault"),
    path(
        "agents/<slug:minion_id>/vault/<uuid:bot_id>/log/<str:line>/<int:start>",
        vault.piece,
        name="vault-log",
    ),
    path("agents/<slug:minion_id>/vault/<uuid:bot_id>/blobs/<str:name>", vault.blob, name="vault-blob"),
    path("agents/<slug:minion_id>/vault/<uuid:bot_id>/<slug:what>", vault.small, name="vault-small"),
    path("up", health.up, name="up"),
    path("ready", health.ready, name="ready"),
    path("metrics", metrics.metrics, name="metrics"),
]

handler500 = "butt.private.machines.broken"
