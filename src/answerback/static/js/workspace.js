// What every page of the workspace brings to life. One small module per behaviour.
import "./live.js";
import "./keys.js";
import "./drawer.js";
import "./subnav.js";
import "./menus.js";
import "./card.js";
import "./ticket.js";
import "./composer.js";
import "./macros.js";
import "./rich_text.js";
import "./sortable.js";
import "./drafts.js";
import "./waiting.js";
import "./selection.js";
import "./search_box.js";
import "./presence.js";
