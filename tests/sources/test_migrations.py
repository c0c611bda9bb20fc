"""Rows of an older service, as this one reads them."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


@pytest.mark.django_db(transaction=True)
def test_releases_of_an_older_service_keep_their_node_and_can_go_back():
    def migrate(name: str):
        executor = MigrationExecutor(connection)
        executor.migrate([("sources", name)])
        return executor.loader.project_state([("sources", name)]).apps.get_model("sources", "Release").objects

    older = migrate("0001_releases")
    older.create(key="a", digest="a", number=1, node="24.19.0")
    older.create(key="b", digest="b", number=2)
    newer = migrate("0002_runtime")
    assert dict(newer.values_list("key", "runtime")) == {"a": "Node 24.19.0", "b": ""}
    newer.create(key="c", digest="c", number=3, runtime="Python 3.11.7")
    older = migrate("0001_releases")
    assert dict(older.values_list("key", "node")) == {"a": "24.19.0", "b": "", "c": "Python 3.11.7"}
    migrate("0002_runtime")
