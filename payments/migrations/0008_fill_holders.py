"""Payments made before people could look up their own get the hash they are found by."""

from django.db import migrations

from payments import encryption


def fill(apps, schema_editor):
    payment = apps.get_model("payments", "Payment")
    rows = payment.objects.filter(holder_bidx="").exclude(phone_sealed="").exclude(birthdate_sealed="")
    for row in rows.only("phone_sealed", "birthdate_sealed").iterator(chunk_size=500):
        phone = encryption.unseal(row.phone_sealed, place="payment.phone")
        born = encryption.unseal(row.birthdate_sealed, place="payment.birthdate")
        row.holder_bidx = encryption.blind_index(f"{phone}|{born}", kind="holder")
        row.save(update_fields=["holder_bidx"])


class Migration(migrations.Migration):
    dependencies = [("payments", "0007_line_rules")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
