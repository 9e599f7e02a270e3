"""What the shop sells and writes about."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """Something to buy.

    :param price: euro.
    :param drawing: which of the drawings in ``templates/demo/drawings.html`` shows it.
    :param tint: the drawing's colour.
    :param facts: label and value, for the table below the text.
    """

    id: str
    name: str
    line: str
    price: int
    drawing: str
    tint: str
    text: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Article:
    """Something to read.

    :param video: the vendor's id of the video that goes with it; empty if there is none.
    """

    id: str
    title: str
    line: str
    minutes: int
    drawing: str
    tint: str
    text: tuple[str, ...]
    video: str = ""


PRODUCTS: Mapping[str, Product] = {
    product.id: product
    for product in (
        Product(
            "blue-kettle",
            "The blue kettle",
            "Enamelled steel, 1.2 litres, and the whistle of a small ferry",
            64,
            "kettle",
            "#2f5d9b",
            (
                "The kettle that gave the shop its name. Two coats of enamel, fired twice, on steel thick enough to "
                "be knocked about for thirty years. Ours at home has been.",
                "The spout is cut low, so that it pours in a line and not in a splash, and the handle stays cool "
                "because it is beech and not because of a trick.",
            ),
            (
                ("Holds", "1.2 litres, five mugs"),
                ("For", "gas, electric, induction"),
                ("Weighs", "1.1 kg empty"),
                ("Made in", "Zell, by eleven people"),
            ),
        ),
        Product(
            "slow-pour",
            "The slow pour",
            "A gooseneck kettle that stops at the degree you ask for",
            89,
            "gooseneck",
            "#52706b",
            (
                "Green tea dislikes boiling water as much as you dislike bitter tea. This kettle stops at any degree "
                "from 50 to 100 and holds it there for half an hour.",
                "The neck is narrow and curved twice. It pours where you look.",
            ),
            (
                ("Holds", "0.9 litres"),
                ("Stops at", "50 to 100 °C, by the degree"),
                ("Power", "1,200 watts"),
                ("Spare parts", "all of them, for ten years"),
            ),
        ),
        Product(
            "assam-second-flush",
            "Assam, second flush",
            "Malt, honey, and enough strength to meet milk",
            9,
            "tin",
            "#a8452f",
            (
                "Picked in June, when the bushes have slept off the spring and the leaf is full of oil. The golden "
                "tips are the buds; we buy the lots where they are still whole.",
                "Four minutes, water off the boil. Milk if you like: this one does not mind.",
            ),
            (
                ("Pack", "100 g, about 40 pots"),
                ("Water", "98 °C"),
                ("Steep", "4 minutes"),
                ("Garden", "Mist Hill, lot 14"),
            ),
        ),
        Product(
            "sencha-first-light",
            "Sencha, first light",
            "Steamed within an hour of picking; tastes of grass after rain",
            11,
            "tin",
            "#4d7c4a",
            (
                "Sencha is steamed so that it stays green. The sooner it is steamed the greener it tastes, and this "
                "garden has its steamer at the end of the row.",
                "Seventy degrees and ninety seconds. The second pour is the best one.",
            ),
            (
                ("Pack", "80 g, about 30 pots"),
                ("Water", "70 °C"),
                ("Steep", "90 seconds, three times"),
                ("Picked", "in the last week of April"),
            ),
        ),
        Product(
            "evening-rooibos",
            "Evening rooibos",
            "No caffeine at all, a little vanilla, good with the light off",
            7,
            "tin",
            "#c3742c",
            (
                "Not tea, says the botanist, and is right. A red bush from the Cederberg that makes a red cup and "
                "lets you sleep.",
                "Boiling water and as long as you please: it does not turn bitter.",
            ),
            (
                ("Pack", "100 g, about 45 pots"),
                ("Water", "boiling"),
                ("Steep", "5 minutes or an hour"),
                ("Caffeine", "none"),
            ),
        ),
        Product(
            "two-cups",
            "Two cups, one saucer",
            "Stoneware from Spiddal. The saucer is for the biscuit",
            28,
            "cup",
            "#6c8fb3",
            (
                "Thrown by hand, so no two are the same height, and glazed in the blue that was left over from the "
                "kettles. Each holds a quarter of a litre and a warm pair of hands.",
                "They come with one saucer. Nobody has ever needed the second.",
            ),
            (
                ("Hold", "250 ml each"),
                ("Dishwasher", "yes"),
                ("Made in", "Spiddal, County Galway"),
                ("Ships in", "two days, in straw"),
            ),
        ),
    )
}

ARTICLES: Mapping[str, Article] = {
    article.id: article
    for article in (
        Article(
            "water-first",
            "Water first",
            "A cup of tea is ninety-nine parts water. Start there.",
            3,
            "kettle",
            "#2f5d9b",
            (
                "Draw it cold and let the tap run for as long as it takes to find the tin. Water that has stood in "
                "the pipe all night is flat, and so will be the cup.",
                "Boil only what you need, and once. Each boiling drives out air, and air carries the smell of the "
                "leaf to you. If your kettle has a white coat inside, your water is hard: black teas will taste "
                "dull and leave a film. A filter helps; so does a spoonful of patience with vinegar, twice a year.",
                "Then wait. For black tea, pour as soon as the bubbles settle. For green tea, open the lid and read "
                "something short. This article is about the right length.",
            ),
            video="pouring",
        ),
        Article(
            "what-a-flush-is",
            "What a second flush is",
            "Four harvests, four different teas from the same bush",
            4,
            "tin",
            "#a8452f",
            (
                "A tea bush sleeps through the winter. When it wakes in March it puts out a few thin leaves: the "
                "first flush, light and flowery and dear.",
                "It rests, and in June puts out the second: thicker leaves with more oil, and the golden tips that "
                "give an Assam its malt. Then come the rains, when it grows so fast that it tastes of little, and "
                "the autumn, which is mild and good value and which nobody writes articles about.",
                "We buy from one garden, Mist Hill, and go there each June. They have a website of their own, and "
                "when you follow our link to it they are not told where you came from.",
            ),
        ),
        Article(
            "descaling",
            "How to descale a kettle without sighing",
            "Vinegar, twenty minutes, and the window open",
            2,
            "gooseneck",
            "#52706b",
            (
                "Half vinegar and half water, to the top of the white line. Bring it to a simmer, turn it off, and "
                "leave the room. In twenty minutes the scale has become gas and gone.",
                "Rinse three times. Boil clear water once and give it to the plants when it is cold. That is all. "
                "Anyone who sells you a powder for this is selling you vinegar without the water.",
            ),
        ),
    )
}


def search(words: str) -> list[Product | Article]:
    """Return what contains every word that was asked for."""
    wanted = words.casefold().split()
    everything: list[Product | Article] = [*PRODUCTS.values(), *ARTICLES.values()]
    return [thing for thing in everything if wanted and all(word in _searchable(thing) for word in wanted)]


def _searchable(thing: Product | Article) -> str:
    title = thing.name if isinstance(thing, Product) else thing.title
    return " ".join((title, thing.line, *thing.text)).casefold()
