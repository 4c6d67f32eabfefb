"""Two system views hold pending and waiting tickets too, and say so now. Where somebody gave one another name, it stays."""

from typing import Any

from django.db import migrations

NAMES = {
    "my-open": ("My open tickets", "My unsolved tickets"),
    "open": ("All open tickets", "All unsolved tickets"),
}


def rename(apps: Any, schema_editor: Any) -> None:
    for key, (old, new) in NAMES.items():
        apps.get_model("search", "View").objects.filter(key=key, title=old).update(title=new)


class Migration(migrations.Migration):

    dependencies = [
        ("search", "0003_long_tickets"),
    ]

    operations = [
        migrations.RunPython(rename, migrations.RunPython.noop),
    ]
