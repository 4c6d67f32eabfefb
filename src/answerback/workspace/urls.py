"""The addresses of the pages. Those of docs/contract are promised; the others are the pages' own."""

from __future__ import annotations

from django.urls import path

from answerback.workspace.pages import causes, home, lists, sign_in

urlpatterns = [
    path("", home.home),
    path("sign-in", sign_in.SignIn.as_view()),
    path("sign-out", sign_in.SignOut.as_view()),
    path("language", sign_in.choose_language),
    path("frame/views", home.view_list),
    path("frame/health", home.health),
    path("views/<str:key>", lists.view),
    path("search", lists.search),
    path("delivery/causes", causes.causes),
]
