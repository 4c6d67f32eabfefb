"""Answerback: a helpdesk for e-mail conversations that always knows whether its answers arrived.

Policy: SQLite comes from the `pysqlite3` wheel wherever there is one. Debian 12's 3.40 can corrupt a WAL database when
two connections write and checkpoint at the same instant (fixed upstream in 3.51.3), so the swap happens here, before
anything can import `sqlite3`.
"""

import sys

try:
    import pysqlite3

    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2
except ImportError:  # no wheel for this platform (ARM): `checks` says what that means
    pass

__version__ = "0.1.0"
