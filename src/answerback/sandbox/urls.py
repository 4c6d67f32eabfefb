"""The addresses of the played internet's pages, under /sandbox/."""

from __future__ import annotations

from django.urls import path

from answerback.sandbox import pages, receiver

urlpatterns = [
    path("", pages.overview),
    path("write", pages.write),
    path("receiver", receiver.receive),
    path("<str:name>", pages.mailbox),
    path("<str:name>/<str:key>", pages.mailbox),
    path("<str:name>/<str:key>/answer", pages.answer),
    path("<str:name>/<str:key>/html", pages.html),
    path("<str:name>/<str:key>/source", pages.source),
    path("<str:name>/<str:key>/<int:number>", pages.attachment),
]
