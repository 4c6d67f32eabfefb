"""The addresses of the pages. Those of docs/contract are promised; the others are the pages' own."""

from __future__ import annotations

from django.urls import path

from answerback.workspace.pages import causes, composing, deliveries, home, lists, mail, sign_in, ticket

urlpatterns = [
    path("", home.home),
    path("sign-in", sign_in.SignIn.as_view()),
    path("sign-out", sign_in.SignOut.as_view()),
    path("language", sign_in.choose_language),
    path("frame/views", home.view_list),
    path("frame/health", home.health),
    path("views/<str:key>", lists.view),
    path("tickets/<int:number>", ticket.ticket),
    path("tickets/<int:number>/live", ticket.live),
    path("tickets/<int:number>/fields", ticket.change_fields),
    path("tickets/<int:number>/tags", ticket.change_tags),
    path("tickets/<int:number>/ccs", ticket.change_ccs),
    path("tickets/<int:number>/composer", composing.composer),
    path("tickets/<int:number>/reply", composing.reply),
    path("tickets/<int:number>/comments/<int:comment_id>/resend", deliveries.resend_comment),
    path("deliveries/<int:delivery_id>/card", deliveries.card),
    path("deliveries/<int:delivery_id>/fix", deliveries.fix),
    path("comments/<int:comment_id>/mail", mail.comment_frame),
    path("attachments/<str:token>/<str:name>", mail.attachment),
    path("mail/<int:raw_mail_id>", mail.raw),
    path("search", lists.search),
    path("delivery/causes", causes.causes),
]
