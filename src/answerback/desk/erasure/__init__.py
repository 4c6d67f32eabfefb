"""Somebody's data goes for good (GDPR, article 17). Cannot be undone.

Policy:

* Tickets they requested go whole (`desk.keeping.removal`): what colleagues answered there speaks of them as well.
* On tickets of others the conversation stays, without them: their comments are emptied, their files and mail go, what
  others wrote loses their addresses and full names. Octets of mail in which they stand go; such a mail can no longer be
  sent again. While one is still on its way, the ticket waits for its end and can be started again.
* Then go mail that became no ticket, logs of webhooks and jobs, notices and drafts in which an address of theirs
  stands, and last addresses with what was known of them, and the profile. Where comments are left, an empty profile
  stays.
* Nothing is kept to recognise them by, not even a digest. A suppression ends after 30 days anyway, and if the address
  still fails, the first mail shows it; a blocked address is one no longer.
* Who works here is not erased: their answers are part of other people's tickets.

It is a job (`desk.jobs`): each ticket and each stretch of a table is an item, the profile is the last. Reading who they
are from what is left, each step can be done again.
"""
