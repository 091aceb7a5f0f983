from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0009_deliveries_and_retention'),
    ]

    operations = [
        migrations.AlterField(
            model_name='linerules',
            name='phone_bidx',
            field=models.CharField(blank=True, max_length=64, null=True, unique=True),
        ),
        migrations.AlterField(
            model_name='linerules',
            name='phone_sealed',
            field=models.TextField(blank=True),
        ),
        migrations.AlterField(
            model_name='linerules',
            name='holder_bidx',
            field=models.CharField(blank=True, max_length=64),
        ),
    ]
