"""What a mail says below its text where its files are links: each with its size, and until when they work."""

from __future__ import annotations

from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html, format_html_join
from django.utils.translation import ngettext

from answerback.core import dates
from answerback.tickets import file_links
from answerback.tickets.models import Comment, FileLink


@dataclass(frozen=True)
class FileList:
    text: str
    html: str


def of(comment: Comment) -> FileList | None:
    """In the language that is active: the recipient's. None where the files go along."""
    links = file_links.of_comment(comment)
    if not links:
        return None
    heading, until = _heading(len(links)), _until(links)
    lines = [f"{link.attachment.file_name} ({_size(link)}):\n{file_links.url(link)}" for link in links]
    items = ((file_links.url(link), link.attachment.file_name, _size(link)) for link in links)
    html = format_html(
        "<p>{}</p><ul>{}</ul><p>{}</p>",
        heading,
        format_html_join("", '<li><a href="{}">{}</a> ({})</li>', items),
        until,
    )
    return FileList("\n\n" + "\n\n".join([heading, *lines, until]), html)


def _heading(count: int) -> str:
    return ngettext("A file for you:", "%(count)s files for you:", count) % {"count": count}


def _until(links: list[FileLink]) -> str:
    day = dates.full_day(links[0].expires_at)
    return ngettext("The link works until %s.", "The links work until %s.", len(links)) % day


def _size(link: FileLink) -> str:
    return filesizeformat(link.attachment.size).replace("\N{NO-BREAK SPACE}", " ")
