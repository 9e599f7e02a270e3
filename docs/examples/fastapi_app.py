"""A FastAPI site behind the gate, with Gatekeeper in the same process.

gatekeeper init && gatekeeper check && gatekeeper publish
uvicorn --workers 1 --no-access-log fastapi_app:application
"""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from gatekeeper.mounting import mount_asgi

app = FastAPI()


@app.get("/", response_class=HTMLResponse)
async def home() -> HTMLResponse:
    page = "<!doctype html><html><head><title>FastAPI</title></head><body><h1>Shop</h1></body></html>"
    return HTMLResponse(page, headers={"Set-Cookie": "session=1; Path=/; HttpOnly"})


@app.get("/video", response_class=HTMLResponse)
async def video() -> HTMLResponse:
    page = "<!doctype html><html><head><title>Video</title></head><body></body></html>"
    return HTMLResponse(page, headers={"Set-Cookie": "player=1; Path=/; HttpOnly"})


application = mount_asgi(app, inject=True)
