from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('outbound', '0019_time_that_lanes_lost'),
    ]

    operations = [
        migrations.AddField(
            model_name='lane',
            name='resumed_at',
            field=models.DateTimeField(null=True),
        ),
    ]
