"""The words of the banner. ``{names}`` in braces are filled in by ``static/js/banner.js`` and ``embeds.js``.

No word of praise or blame for either answer, and none that one of the two buttons has and the other has not.
"""

from collections.abc import Mapping

ENGLISH: Mapping[str, str] = {
    "language": "en",
    "direction": "ltr",
    "list_between": ", ",
    "list_last": " and ",
    "title": "Your privacy, your choice",
    "lead": "{site} asks whether it may use your visit for: {purposes}. Companies that would receive data: {count}.",
    "until_then": "Until you say yes, none of this happens. The site works either way.",
    "honoured": "Opt-out request honoured",
    "honoured_for": "Your browser asks not to be tracked, so this stays off: {purposes}.",
    "accept_all": "Accept all",
    "reject_all": "Reject all",
    "choose": "Choose",
    "save": "Save my choice",
    "withdraw_all": "Withdraw everything",
    "close": "Close",
    "way_back": "Privacy choices",
    "notice": "Privacy notice",
    "preferences": "Privacy choices",
    "preferences_lead": "{controller} answers for this site. Nothing is on unless you switch it on.",
    "allow": "Allow: {title}",
    "override": "Allow although my browser objects: {title}",
    "always_on": "Always on: the site cannot work without it.",
    "recipients": "Who receives data ({count})",
    "recipient": "{name} ({country}), kept for {days} days. {description}",
    "recipient_self": "{name}, kept for {days} days. {description}",
    "objects": "Leave me out of the anonymous totals as well",
    "objects_about": "We count how often things run or are held back. Nobody is in these numbers.",
    "saved_granted": "Saved. Your choice holds until {date}.",
    "saved_refused": "Saved. Everything stays off until {date}.",
    "saved_withdrawn": "Withdrawn. Everything stays off until {date}.",
    "survivors": "Your browser still holds what this page could not remove: {names}.",
    "survivors_help": "To remove it, close all tabs of this site, or clear the site’s data in your browser’s settings.",
    "change": "You can change it at any time under “{way_back}”.",
    "receipt": "Your receipt code, the proof of what you agreed to:",
    "not_kept": "Your browser keeps no cookies here, so your choice cannot be remembered. Everything stays off.",
    "failed": "Your choice could not be saved, so nothing was switched on. Please try again.",
    "embed_held": "Held back: {name} ({country})",
    "embed_lead": "Loading it sends your IP address to {name} ({country}).",
    "embed_purpose": "What for: {purpose}",
    "embed_once": "Load once",
    "embed_always": "Always allow {name}",
    "embed_open": "Not loaded: {name} ({country})",
    "embed_next": "{name} ({country}) is allowed. It loads when this page is opened again.",
    "embed_again": "Open the page again",
    "embed_minor": "{name} ({country}) stays off at your age.",
}

#: Those that are said in the place of a held embed, by ``static/js/embeds.js``.
EMBED_STRINGS = (
    *(key for key in ENGLISH if key.startswith("embed_")),
    *("notice", "close", "way_back", "failed", "not_kept"),
)
