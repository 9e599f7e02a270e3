"""What to try in the demo: printed when it starts, and shown on the shop's home page."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

from .state import OWNER, SITE, STAFF

WIDTH = 96


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to try.

    :param do: what to do.
    :param see: what there is to see then.
    :param commands: what to type in another terminal, if anything.
    """

    title: str
    do: str
    see: str
    commands: tuple[str, ...] = ()


def steps(state: Path) -> tuple[Step, ...]:
    """Return the steps, in order.

    :param state: the folder with the demo's data, as one would type it.
    """
    group = f"-- -$(cat {state / 'gatekeeper.pid'})"
    return (
        Step(
            "Choose nothing",
            "Leave the banner alone and read: the shop, an article, a search. Then open “What they received”.",
            "Nobody received anything. The browser holds no cookie. The shop works.",
        ),
        Step(
            "Read it in your language",
            "Open the list of languages in the banner; there are 51.",
            "The banner speaks it, from right to left where it is written so. Your choice is kept in that language.",
        ),
        Step(
            "Reject",
            "One click. Read on, and look at the developer tools under Application, Cookies.",
            "One cookie, gk_choice, the same for everybody who rejects today. Still nobody received anything.",
        ),
        Step(
            "Accept",
            "Open “Privacy choices” at the foot of any page and accept all.",
            "The tags that were held run where they stand, each once, in their order, and the list fills up: ids, "
            "pages, cookies. This is what a consent banner is about.",
        ),
        Step(
            "Only the visit log",
            "Reset the list, open “Privacy choices” again, leave only the visit log switched on, and save.",
            "Tallyhouse and Halfways receive something. Video, chat and ads stay away, and say so in their place.",
        ),
        Step(
            "The letter",
            "Sign up for the newsletter, and compare the two letters.",
            "The links of the HTML letter are signed and go through Gatekeeper, which decides at each click. "
            "Those of the text letter are plain.",
        ),
        Step(
            "See what marketing sees",
            "Sign in to the dashboard with the address and password that the terminal shows, and open “Changes”.",
            "Eight weeks of made-up visits, told apart by choice. It names what went wrong three days ago. What you "
            "do in the shop, if you agreed, is there a second later, under “Live” too.",
        ),
        Step(
            "Switch JavaScript off",
            "Switch it off in the browser and load a page.",
            "No tag runs, and a link at the foot leads to the same choices as a plain form.",
        ),
        Step(
            "Let Gatekeeper hang",
            "Stop it in its tracks, from another terminal, and load pages.",
            "Each page shows its text within a second and a half. Nothing fires. Then let it go on.",
            (f"kill -STOP {group}", f"kill -CONT {group}"),
        ),
        Step(
            "Change the registry",
            f"Add a vendor and a tracker to {state / 'gatekeeper.toml'}, and start the demo again.",
            "A new notice is published, and who said yes before is asked again, only about what is new.",
        ),
    )


def printed(port: int, state: Path, password: str) -> str:
    """Return the guide as text for a terminal.

    :param password: that the owner's account began with.
    """
    head = (
        "\nBlue Kettle, a shop with trackers, is open.\n\n"
        f"  The shop            http://127.0.0.1:{port}\n"
        f"  What they received  http://127.0.0.1:{port}/what-they-received\n"
        f"  The dashboard       http://{STAFF}:{port + 1}/dashboard/\n"
        f"                      {OWNER}, password {password}\n"
        f"  Gatekeeper itself   http://127.0.0.1:{port + 1}/healthz\n"
        f"  The banner's states http://{STAFF}:{port + 1}/preview/{SITE}\n\n"
        "Try this\n"
    )
    body = "\n".join(_printed(number, step) for number, step in enumerate(steps(state), start=1))
    return f"{head}\n{body}\n\nCtrl-C stops everything.\n"


def _printed(number: int, step: Step) -> str:
    text = textwrap.fill(f"{step.do} {step.see}", WIDTH, initial_indent="     ", subsequent_indent="     ")
    return "\n".join([f"  {number}. {step.title}", text, *(f"       {command}" for command in step.commands)])
