from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('outbound', '0017_fewer_indexes_of_the_outbox'),
    ]

    operations = [
        migrations.AlterField(
            model_name='attempt',
            name='number',
            field=models.PositiveIntegerField(),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='attempts',
            field=models.PositiveIntegerField(default=0),
        ),
    ]
