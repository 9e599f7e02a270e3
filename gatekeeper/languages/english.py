"""All that visitors read of ours, in English: the banner, placeholders, the choices page, the notice, the age screen.

The keys stand for the same words in every language; ``{names}`` in braces are filled in. No word of praise or blame for
either answer, and none that one of two equal buttons has and the other has not.
"""

from collections.abc import Mapping
from types import MappingProxyType

#: The first layer, and what every part of the banner shares.
ASKING = {
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
    "close": "Close",
    "language": "Language",
    "notice": "Privacy notice",
    "not_kept": "Your browser keeps no cookies here, so your choice cannot be remembered. Everything stays off.",
    "failed": "Your choice could not be saved, so nothing was switched on. Please try again.",
    "saved_granted": "Saved. Your choice holds until {date}.",
    "saved_refused": "Saved. Everything stays off until {date}.",
    "saved_withdrawn": "Withdrawn. Everything stays off until {date}.",
    "change": "You can change it at any time under “{way_back}”.",
    "way_back": "Privacy choices",
    "receipt": "Your receipt code, the proof of what you agreed to:",
    "survivors": "Your browser still holds what this page could not remove: {names}.",
    "survivors_help": "To remove it, close all tabs of this site, or clear the site’s data in your browser’s settings.",
}

#: The preferences.
PREFERENCES = {
    "save": "Save my choice",
    "withdraw_all": "Withdraw everything",
    "preferences": "Privacy choices",
    "preferences_lead": "{controller} answers for this site. Nothing is on unless you switch it on.",
    "allow": "Allow: {title}",
    "override": "Allow although my browser objects: {title}",
    "always_on": "Always on: the site cannot work without it.",
    "recipients": "Who receives data ({count})",
    "recipient": "{name} ({country}), kept for {days} days. {description}",
    "recipient_self": "{name}, kept for {days} days. {description}",
    "keeps": "Keeps in your browser: {names}.",
    "cookie_days": "{name} ({days} days)",
    "cookie_session": "{name} (until you close the browser)",
    "objects": "Leave me out of the anonymous totals as well",
    "objects_about": "We count how often things run or are held back. Nobody is in these numbers.",
}

#: Asking again, and news that ask for nothing.
AGAIN = {
    "changed": "You have answered before. We ask again because this has changed:",
    "change_new": "New: {name} ({country}), for: {purpose}.",
    "change_longer": "{name} keeps data for {days} days now; before: {before}.",
    "change_country": "{name} keeps data in {country} now; before: {before}.",
    "change_purpose": "{name} uses data for this, too: {purpose}.",
    "change_removed": "No longer here: {name}.",
    "change_words": "Some of the wording.",
    "news": "The privacy notice has changed. Nothing more is asked of you.",
    "see_changes": "What has changed",
}

#: After a withdrawal.
LOGGED = {
    "erase_ask": "Also delete what was logged about your visits?",
    "erase_yes": "Delete it",
    "erase_no": "Keep it",
    "erased": "Deleted. Nothing about your visits is held any more.",
    "erase_kept": "It stays until its time is over. Your receipt code still opens it.",
    "erase_failed": "It could not be deleted just now. Please try again.",
}

#: In the place of an embed.
EMBEDS = {
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

#: The age screen, and what a child reads: short words, one thought a sentence.
AGE = {
    "age_title": "How old are you?",
    "age_lead": "This decides what may run here. We keep only the group that you choose, never a birthday.",
    "age_0": "Under 13",
    "age_13": "13 to 15",
    "age_16": "16 or 17",
    "age_18": "18 or older",
    "age_continue": "Continue",
    "child_title": "Nobody follows you here",
    "child_lead": "You can use this site. We do not write down what you look at. We tell nobody that you were here.",
    "child_ask": "Is something here strange or scary? Ask a grown-up you trust.",
    "sure_title": "One more question",
    "sure_lead": "You chose to allow: {purposes}. Is that what you want? You can change it at any time.",
    "sure_yes": "Yes, allow it",
    "sure_no": "No, keep it off",
}

#: The choices page, which needs no script.
CHOICES = {
    "back_to": "Back to {name}",
    "choices_none": "Nothing below happens unless you allow it. The site works all the same.",
    "choices_some": "You allowed some of what follows. You can change that or withdraw it at any time.",
    "choices_refused": "You allowed none of what follows. The site works all the same.",
    "confirm": "Please confirm",
    "confirm_lead": "You are about to allow:",
    "confirm_yes": "Allow these",
    "received_by": "Received by: {names}.",
    "this_site": "this site",
    "receipt_keep": "Keep it if you like: it proves what you agreed to, and nobody else has it.",
    "nothing_kept": "No record of you is kept.",
    "details": "What each of these means, who receives what, and for how long",
    "show_language": "Show in this language",
}

#: The notice.
NOTICE = {
    "notice_of": "Privacy notice of {name}",
    "notice_version": "Version {no}, published on {date}.",
    "notice_newer": "There is a newer version",
    "notice_before": "The version before",
    "who_answers": "Who answers for this",
    "contact": "Contact: {contact}",
    "kept_here": "Kept by this site. Days: {days}.",
    "received_in": "Received by {name} ({country}). Kept for this many days: {days}.",
    "why_necessary": "Why it is necessary: {reason}",
    "keeps_cookie": "Keeps {name} in your browser for {days} days.",
    "keeps_session": "Keeps {name} in your browser until you close it.",
    "nothing_used": "This site uses nothing for this purpose.",
    "log_keeps": "If you allow this, our own log keeps of each visit:",
    "log_events": "what you do here under these names, with its value and number: {names}",
    "holds_title": "How long your choice holds",
    "holds": "{days} days, whether you allow or refuse. You can change it at any time.",
    "address_title": "Your IP address",
    "address_none": "It is not kept.",
    "address_truncated": "Only your network is kept, and only if you allow the visit log.",
    "address_full": "If you allow the visit log, it is kept for {days} days and then shortened to your network.",
    "totals_title": "Totals",
    "totals": "We count how often each item above was allowed or stopped. "
    "These totals hold nothing about you: no address, no page, no browser.",
    "rights_title": "Your rights",
    "rights": "You may see, correct, restrict, take with you and delete what is held about you, and withdraw at any "
    "time. Withdrawing is as easy as allowing.",
    "complain": "You may also complain to {authority}.",
    "do_not_sell": "Do not sell or share my personal information",
    "do_not_sell_lead": "Nothing is sold or shared unless you allow it. “{reject_all}” says no to all of it.",
    "children_title": "Children",
    "children": "Nobody under the age of {age} is tracked here. We keep the age group, never a birthday.",
    "fingerprint": "SHA-256 of this text: {hash}",
    "no_translation": "The site’s owner has not translated this text.",
}

#: The purposes that are built in, and what the visit log says of itself.
PURPOSES = {
    "necessary_title": "Necessary",
    "necessary_description": "Keeps the site working: signing in, paying, staying secure.",
    "functional_title": "Extras",
    "functional_description": "Shows videos, maps and chat that come from other companies.",
    "analytics_title": "Visit log",
    "analytics_description": "Tells us which pages are read, with which browser, and from where.",
    "marketing_title": "Advertising",
    "marketing_description": "Lets advertisers know that you saw or clicked their ads.",
    "mail_open_title": "E-mail opens",
    "mail_open_description": "Tells us that you opened an e-mail.",
    "mail_click_title": "E-mail clicks",
    "mail_click_description": "Tells us which links you followed.",
    "visit_description": "Keeps which pages you read, when and for how long, what you do there, "
    "your browser, language and provider.",
}

#: What the visit log holds, as items of one list.
FIELDS = {
    "field_path": "the pages you view and when, without what follows a question mark in their address",
    "field_referrer": "the site you came from, without the page",
    "field_search": "what you search for on this site; e-mail addresses and numbers are left out",
    "field_seconds": "how long a page is in front of you",
    "field_browser": "your browser and its version",
    "field_system": "its operating system",
    "field_device": "whether it is a computer, a tablet or a phone",
    "field_language": "its language",
    "field_address": "your IP address",
    "field_provider": "your internet provider, as far as your address tells",
    "field_country": "the country, as far as your address tells",
    "field_outcome": "what was loaded or held back for you, and why",
    "field_event": "what you do here that the site names, such as an order, with its value and number",
    "field_campaign": "the campaign whose link brought you here",
    "field_target": "the host of another site that you leave for",
}

ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        **ASKING,
        **PREFERENCES,
        **AGAIN,
        **LOGGED,
        **EMBEDS,
        **AGE,
        **CHOICES,
        **NOTICE,
        **PURPOSES,
        **FIELDS,
    }
)
