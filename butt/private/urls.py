from django.urls import path

from butt.private import agents

urlpatterns = [path("agents", agents.agents, name="agents")]
