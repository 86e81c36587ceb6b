"""A small shop with problems, to see what a review finds. Change it as you like: it is a copy."""

import hashlib
import random
import sqlite3
import subprocess

import requests
from flask import Flask, request

app = Flask(__name__)


@app.post("/accounts/create")
def create_account():
    body = request.get_json()
    password = hashlib.md5(body["password"].encode()).hexdigest()
    code = str(random.randint(0, 999999))
    with sqlite3.connect("shop.db") as database:
        database.execute(f"INSERT INTO accounts VALUES ('{body['email']}', '{password}', '{code}')")
    return {"ok": True}


@app.get("/export")
def export():
    subprocess.run(f"tar czf /tmp/export.tgz {request.args['folder']}", shell=True)
    requests.post("https://backup.example/upload", data=open("/tmp/export.tgz", "rb"), verify=False)
    return {"ok": True}


if __name__ == "__main__":
    app.run(debug=True)
