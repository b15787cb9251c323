"""How often one may register, sign in and refresh. Honest people never meet these limits, a class behind one address
neither; who guesses passwords does. It must not know how is counted.
"""

from __future__ import annotations

from infra.web.limits import Limit

REGISTER_PER_ADDRESS = Limit("register", "120/minute")
LOGIN_PER_ADDRESS = Limit("login_address", "240/minute")
LOGIN_PER_ACCOUNT = Limit("login_account", "20/minute")
LOGIN_PER_ACCOUNT_AND_HOUR = Limit("login_account_hour", "200/hour")
PASSWORD_PER_ACCOUNT = Limit("password_account", "10/minute")
REFRESH_PER_ADDRESS = Limit("refresh_address", "1200/minute")
REFRESH_PER_SESSION = Limit("refresh_session", "60/minute")
