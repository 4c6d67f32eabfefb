"""A pure library about e-mail: bytes in, meaning out. No Django, no database; the only I/O is in `mailroom.smtp`."""
