from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("people", "0002_suppression_list")]

    operations = [
        migrations.AddIndex("person", models.Index(fields=["updated_at", "id"], name="person_updated")),
    ]
