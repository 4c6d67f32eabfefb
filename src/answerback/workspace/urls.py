"""The addresses of the pages. Those of docs/api.md are promised; the others are the pages' own."""

from __future__ import annotations

from django.urls import path

from answerback.workspace.pages import (
    admin,
    admin_escalation,
    causes,
    composing,
    customers,
    deliveries,
    delivery,
    files,
    home,
    lists,
    mail,
    new_ticket,
    notices,
    profile,
    sign_in,
    ticket,
    unprocessed,
    view_editor,
)

urlpatterns = [
    path("", home.home),
    path("sign-in", sign_in.SignIn.as_view()),
    path("sign-out", sign_in.SignOut.as_view()),
    path("language", sign_in.choose_language),
    path("frame/views", home.view_list),
    path("frame/health", home.health),
    path("frame/notices", notices.news),
    # notices
    path("notices", notices.notices),
    path("notices/menu", notices.menu),
    path("notices/read", notices.mark),
    path("notices/<int:notice_id>", notices.follow),
    # lists
    path("views/new", view_editor.edit),
    path("views/condition", view_editor.condition),
    path("views/<int:view_id>/edit", view_editor.edit),
    path("views/<int:view_id>/delete", view_editor.delete),
    path("views/<str:key>", lists.view),
    path("search", lists.search),
    # tickets
    path("tickets/new", new_ticket.new_ticket),
    path("tickets/<int:number>", ticket.ticket),
    path("tickets/<int:number>/live", ticket.live),
    path("tickets/<int:number>/fields", ticket.change_fields),
    path("tickets/<int:number>/tags", ticket.change_tags),
    path("tickets/<int:number>/ccs", ticket.change_ccs),
    path("tickets/<int:number>/composer", composing.composer),
    path("tickets/<int:number>/reply", composing.reply),
    path("tickets/<int:number>/comments/<int:comment_id>/resend", deliveries.resend_comment),
    path("comments/<int:comment_id>/mail", mail.comment_frame),
    path("attachments/<str:token>/<str:name>", mail.attachment),
    path("files/<str:token>", files.shared_file),
    path("files/<str:token>/withdraw", files.withdraw),
    # people
    path("customers/<int:person_id>", customers.customer),
    path("customers/<int:person_id>/edit", customers.edit),
    path("customers/<int:person_id>/identities", customers.change_identity),
    path("profile", profile.profile),
    path("profile/password", profile.change_password),
    path("profile/language", profile.choose_language),
    # delivery
    path("delivery", delivery.delivery),
    path("delivery/switch", delivery.switch),
    path("delivery/causes", causes.causes),
    path("deliveries/<int:delivery_id>/card", deliveries.card),
    path("deliveries/<int:delivery_id>/fix", deliveries.fix),
    path("mail/unprocessed", unprocessed.unprocessed),
    path("mail/<int:raw_mail_id>", mail.raw),
    path("mail/<int:raw_mail_id>/act", unprocessed.act),
    # administration
    path("admin/", admin.people),
    path("admin/people/<int:account_id>", admin.change_account),
    path("admin/groups", admin.groups),
    path("admin/addresses", admin.addresses),
    path("admin/addresses/<int:address_id>", admin.addresses),
    path("admin/tokens", admin.api_tokens),
    path("admin/tokens/<int:token_id>/revoke", admin.revoke_token),
    path("admin/escalation", admin_escalation.escalation),
    path("admin/triggers", admin.triggers),
    path("admin/triggers/<int:trigger_id>/switch", admin.switch_trigger),
]
