"""What a line shares with others: the splitters of its port as a tree, its neighbours' light beside its own."""

from playwright.sync_api import expect

from tests.console.conftest import Open
from tests.console.world import WEAK


def test_a_port_shows_its_splitters_each_with_how_its_lines_are(open_page: Open) -> None:
    page = open_page("port/OLT1/0/1", language="en")
    tree = page.get_by_role("list").filter(has_text="S1-0").first
    expect(tree.get_by_text("S1", exact=True)).to_be_visible()
    leg = page.get_by_role("list", name="S1-0")
    expect(tree.get_by_text("3 of 4 lines good")).to_have_count(2)
    expect(tree.get_by_text("Splitter not known")).to_be_visible()  # of the ONT that no lines file has
    weak = leg.get_by_role("link", name=f"{WEAK}, Up, Not good, Margin −1.3 dB")
    expect(weak).to_have_text("■")
    weak.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(WEAK)


def test_neighbours_are_compared_on_one_scale(open_page: Open) -> None:
    page = open_page(f"line/{WEAK}", language="en")
    page.get_by_text("Compare how their light has changed").click()
    expect(page.get_by_role("img", name=f"{WEAK}: ")).to_be_visible()
    for other in ("OLT1-1-0", "OLT1-1-1", "OLT1-1-2"):
        expect(page.get_by_role("img", name=f"{other}: ")).to_be_visible()
