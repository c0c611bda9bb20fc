"""Backups of the first format use the models' earlier names."""

import io
import json
import uuid
import zipfile

import pytest
from django.apps import apps

from butt.backups.first_format import RENAMED, ROWS, load_first_format
from butt.clouds.models import WantedMachine


@pytest.mark.django_db
def test_a_row_of_a_renamed_model_is_restored():
    agent_id = uuid.uuid4()
    row = {"model": "clouds.wanted", "pk": str(agent_id), "fields": {"bots": 3}}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(ROWS, json.dumps(row) + "\n")
    with zipfile.ZipFile(file) as archive:
        assert load_first_format(archive, 1) == 1
    assert WantedMachine.objects.get().bots == 3


@pytest.mark.parametrize("name", RENAMED.values())
def test_every_new_name_is_a_model(name: str):
    assert apps.get_model(name)
