import re

from said import ROOT, pages


def test_every_link_leads_to_a_file() -> None:
    """In the repository, where pages are read, too; the reference is made when the site is built."""
    lost = []
    for page in pages():
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path = (page.parent / target.partition("#")[0]).resolve()
            made = ROOT / "docs" / "reference" in path.parents
            if "://" not in target and not made and not path.exists():
                lost.append(f"{page.relative_to(ROOT)}: {target}")
    assert lost == []
