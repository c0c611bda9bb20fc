from django.urls import path

from butt.private import agents, metrics

urlpatterns = [
    path("agents", agents.agents, name="agents"),
    path("metrics", metrics.metrics, name="metrics"),
]
