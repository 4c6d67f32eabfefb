"""A backend of Django's: `settings.DATABASES` names this package, and Django looks for `base` in it."""
