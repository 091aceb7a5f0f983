from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('operator_sandbox', '0002_pins'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='reply_to',
            field=models.TextField(default=''),
        ),
    ]
