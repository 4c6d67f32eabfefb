"""How `./answerback docs` makes a site of these pages."""

project = "Answerback"
language = "en"
extensions = ["myst_parser"]
myst_heading_anchors = 4  # "#a-persons-data", as where the pages are read in the repository

html_theme = "furo"
html_title = "Answerback"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
