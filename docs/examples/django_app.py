"""A Django site behind the gate, with Gatekeeper in the same process; settings, addresses and views in one file.

gatekeeper init && gatekeeper check && gatekeeper publish
gunicorn --workers 1 --threads 32 django_app:application
"""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import path

from gatekeeper.mounting import mount

settings.configure(
    SECRET_KEY="only for this example",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
)


def home(request: HttpRequest) -> HttpResponse:
    get_token(request)
    return HttpResponse("<!doctype html><html><head><title>Django</title></head><body><h1>Shop</h1></body></html>")


def video(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("<!doctype html><html><head><title>Video</title></head><body></body></html>")
    response.set_cookie("player", "1", httponly=True)
    return response


urlpatterns = [path("", home), path("video", video)]

application = mount(get_wsgi_application(), inject=True)
