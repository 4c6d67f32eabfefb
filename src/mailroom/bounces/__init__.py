"""Reading what comes back: delivery reports, feedback reports and the many texts that mean the same.

`read.read(mail)` is the way in. Readers turn a `notice.Notice` into `DeliveryReport` values; what a report means for
the agent (the cause) is the business of `mailroom.causes`.
"""
