"""Code that the tests open."""

from __future__ import annotations

APP = """\
import requests
URL = "https://example.org/rates"

def fetch(name):
    icon = "🔑 key"; answer = requests.get(URL)
    return icon, answer


def find(cursor, name):
    return cursor.execute(f"SELECT id FROM users WHERE name = '{name}'")
"""
FIXED_APP = APP.replace("requests.get(URL)", "requests.get(URL, timeout=10)")
FIX = "Add timeout=10"
"""The beginning of the title of the fix of `requests.get(URL)`."""

SESSION = """\
const session = require("express-session");

app.use(session({ secret: "keyboard cat", resave: false, saveUninitialized: false }));
"""
FIXED_SESSION = SESSION.replace('"keyboard cat"', "process.env.SESSION_SECRET")
