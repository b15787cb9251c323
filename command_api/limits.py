"""How often one may register, sign in and refresh, and how fast one may speak. Honest people never meet these limits, a
class behind one address neither; who guesses passwords or floods a channel does. It must not know how is counted.
"""

from __future__ import annotations

from infra.web.limits import Limit, Pace

REGISTER_PER_ADDRESS = Limit("register", "120/minute")
LOGIN_PER_ADDRESS = Limit("login_address", "240/minute")
LOGIN_PER_ACCOUNT = Limit("login_account", "20/minute")
LOGIN_PER_ACCOUNT_AND_HOUR = Limit("login_account_hour", "200/hour")
PASSWORD_PER_ACCOUNT = Limit("password_account", "10/minute")
REFRESH_PER_ADDRESS = Limit("refresh_address", "1200/minute")
REFRESH_PER_SESSION = Limit("refresh_session", "60/minute")

SPEAKING = Pace("speaking", a_minute=60, at_once=60)
"""Sending and editing, per person: what waited while somebody was offline goes out at once."""
REACTING = Pace("reacting", a_minute=120, at_once=60)
BEGINNING = Pace("beginning", a_minute=10, at_once=30)
"""Conversations with others, per person."""
MARKING = Pace("marking", a_minute=240, at_once=120)
"""Saying how far one has read, per person: each is an event for ever."""
REPORTING = Pace("reporting", a_minute=6, at_once=20)
