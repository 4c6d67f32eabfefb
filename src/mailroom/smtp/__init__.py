"""Our SMTP client. Beside `mailroom.oauth` the only part of the library that talks to the network.

From below: `reply` (octets to replies), `route` (where mail goes next), `trouble` (what every failure means), `tls`,
`names`, `mta_sts` and `mx` (which hosts), `link` (one connection), `greeting` (banner to login), `wire` (envelope to
octets), `dialogue` (transactions on one connection), `session` (many envelopes over as few connections as needed).
"""
