"""Code that the tests open."""

from __future__ import annotations

APP = """\
import requests


def fetch(url):
    icon = "🔑 key"; answer = requests.get(url)
    return icon, answer


def find(cursor, name):
    return cursor.execute(f"SELECT id FROM users WHERE name = '{name}'")
"""
FIXED_APP = APP.replace("requests.get(url)", "requests.get(url, timeout=10)")
FIX = "Add timeout=10"
"""The beginning of the title of the fix of `requests.get(url)`."""

SESSION = """\
const session = require("express-session");

app.use(session({ secret: "keyboard cat", resave: false, saveUninitialized: false }));
"""
FIXED_SESSION = SESSION.replace('"keyboard cat"', "process.env.SESSION_SECRET")
