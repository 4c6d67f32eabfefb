"""The demo's desk: a small shop for bicycles, three weeks of its mail, and people who sign in.

Policy: nothing is written that the product would not write. The stories in `stories/*.toml` are played through the
desk's own use cases, at times that lie in the past: customers' mail comes in as octets, agents answer, servers accept
and refuse, reports come back. All of it is one transaction: a desk is there whole or not at all.

The order: people.py (who works here), cast.py (who writes), story.py (what the files say), timeline.py (when),
playing.py (each verb of a story), servers.py (what mail servers say), then the desk.
"""

from answerback.sandbox.demo_desk.installation import install, install_people, renew_credentials
from answerback.sandbox.demo_desk.people import Credentials

__all__ = ["Credentials", "install", "install_people", "renew_credentials"]
