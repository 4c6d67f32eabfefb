"""Mail may wait apart, and what nobody wants ends now: what waited before begins its time anew, not at its end."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.utils import timezone


def begin_anew(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    waiting = apps.get_model("store", "RawMail").objects.filter(state__in=["unreadable", "unmatched"])
    waiting.update(handled_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='rawmail',
            name='state',
            field=models.CharField(choices=[('received', 'Received'), ('ticket', 'Ticket'), ('report', 'Report'), ('ignored', 'Ignored'), ('unmatched', 'Unmatched'), ('suspended', 'Suspended'), ('unreadable', 'Unreadable'), ('deleted', 'Deleted')], default='received', max_length=12),
        ),
        migrations.RunPython(begin_anew, migrations.RunPython.noop),
    ]
