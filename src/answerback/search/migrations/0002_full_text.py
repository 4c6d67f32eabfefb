"""The full text: documents of tickets and people, their index in the database's own way, and views with groups."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from answerback.core import db
from answerback.search import index_postgresql, index_sqlite

INDEXES = (("search_words", "search_document", "ticket_id"), ("search_people", "search_persondocument", "person_id"))


def create_indexes(apps: Any, schema_editor: Any) -> None:
    for words_table, table, owner in INDEXES:
        if db.is_postgresql():
            statements = index_postgresql.create_statements(table)
        else:
            statements = index_sqlite.create_statements(words_table, table, owner)
        for statement in statements:
            schema_editor.execute(statement, params=None)


def begin_catching_up(apps: Any, schema_editor: Any) -> None:
    """Tickets that are there already are read by a chore, the newest first."""
    newest = apps.get_model("tickets", "Ticket").objects.aggregate(newest=models.Max("id"))["newest"]
    if newest:
        setting = apps.get_model("core", "Setting")
        setting.objects.update_or_create(name="search_tickets_to_do", defaults={"value": newest})


class Migration(migrations.Migration):

    dependencies = [
        ("core", "0001_initial"),
        ("people", "0003_person_updated"),
        ("search", "0001_initial"),
        ("tickets", "0001_initial"),
    ]

    operations = [
        migrations.AddField("view", "group_by", models.CharField(blank=True, max_length=30), preserve_default=False),
        migrations.AddField("view", "group_descending", models.BooleanField(default=False)),
        migrations.AddField(
            "view",
            "group",
            models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to="people.group"),
        ),
        migrations.AddField("view", "deleted_at", models.DateTimeField(null=True)),
        migrations.DeleteModel("Document"),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(default=0)),
                ("first_comment", models.BigIntegerField(default=0)),
                ("last_comment", models.BigIntegerField(default=0)),
                ("head", models.CharField(max_length=16)),
                (
                    "ticket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="documents", to="tickets.ticket"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("ticket", "number"), name="document_once")],
            },
        ),
        migrations.CreateModel(
            name="PersonDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(default=0)),
                ("seen", models.DateTimeField(null=True)),
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="document", to="people.person"
                    ),
                ),
            ],
        ),
        migrations.RunPython(create_indexes, migrations.RunPython.noop),
        migrations.RunPython(begin_catching_up, migrations.RunPython.noop),
    ]
