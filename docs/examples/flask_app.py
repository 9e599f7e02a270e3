"""A Flask site behind the gate, with Gatekeeper in the same process.

gatekeeper init && gatekeeper check && gatekeeper publish
gunicorn --workers 1 --threads 32 flask_app:app
"""

from flask import Flask, session

from gatekeeper.mounting import mount

app = Flask(__name__)
app.secret_key = "only for this example"


@app.get("/")
def home() -> str:
    session["seen"] = True
    return "<!doctype html><html><head><title>Flask</title></head><body><h1>Shop</h1></body></html>"


@app.get("/video")
def video() -> tuple[str, dict[str, str]]:
    page = (
        "<!doctype html><html><head><title>Video</title></head><body>"
        '<iframe data-gk="functional" data-gk-tracker="video" data-src="https://player.video.example/1"></iframe>'
        "</body></html>"
    )
    return page, {"Set-Cookie": "player=1; Path=/; HttpOnly"}


app.wsgi_app = mount(app.wsgi_app, inject=True)  # type: ignore[method-assign]
