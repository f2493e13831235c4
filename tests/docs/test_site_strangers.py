from strangers import strangers


def test_what_a_browser_fetches_by_itself_is_found() -> None:
    page = """
    <link rel="stylesheet" href="https://fonts.example/css"><link rel="preconnect" href="//cdn.example">
    <script src="http://cdn.example/a.js"></script><img srcset="https://img.example/a.png 2x">
    <style>@font-face { src: url("https://font.example/x.woff2") }</style>
    <p style="background: url(//bg.example/b.png)">
    """
    hosts = {address.split("//")[1].split("/")[0] for address in strangers(page)}
    assert hosts == {"fonts.example", "cdn.example", "img.example", "font.example", "bg.example"}
    assert strangers('@import "https://font.example/x.css";', style=True) == ["https://font.example/x.css"]


def test_links_that_wait_for_a_click_and_files_of_ones_own_are_no_strangers() -> None:
    page = '<a href="https://example.org">there</a><img src="../assets/a.png"><link rel="canonical" href="https://me.example">'
    assert strangers(page) == []
    assert strangers("a { background: url(../images/a.svg) }", style=True) == []
