"""A person who uses the console, with the same HTTP routes and forms as everybody."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from fenghuo.errors import Refused


class _Forms(HTMLParser):
    """The forms of a page: the target of each, and the values of its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.links: set[str] = set()
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {k: v or "" for k, v in attrs}
        if tag == "form":
            self.forms.append((have.get("action", ""), {}))
        elif tag == "a":
            self.links.add(have.get("href", ""))
        elif tag == "input" and self.forms and "name" in have:
            if have.get("type") not in ("checkbox", "radio") or "checked" in have:
                self.forms[-1][1][have["name"]] = have.get("value", "")
        elif tag == "textarea" and self.forms:
            self._area = have.get("name")

    def handle_data(self, data: str) -> None:
        if self._area and self.forms:
            fields = self.forms[-1][1]
            fields[self._area] = fields.get(self._area, "") + data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None


class ConsoleClient:
    """One logged-in person; raises Refused if the console refuses something."""

    def __init__(self, base_url: str, person_id: str) -> None:
        self.person_id = person_id
        self._http = httpx.Client(base_url=base_url, timeout=20, follow_redirects=True, trust_env=False)

    def log_in(self, password: str) -> None:
        page = self._submit("/login", "/login", {"person": self.person_id, "password": password})
        if urlsplit(str(page.url)).path == "/login":
            raise Refused(f"{self.person_id} could not log in to the console")

    def alerts(self) -> list[str]:
        """The ids of the alerts that the list shows."""
        found = _read(self._get("/alerts"))
        ids = {urlsplit(link).path.removeprefix("/alerts/") for link in found.links if "/alerts/" in link}
        return sorted(x for x in ids if x and "/" not in x)

    def act(self, alert_id: str, action: str) -> None:
        """Press the button of ``action`` on the alert's page."""
        path = f"/alerts/{alert_id}/{action}"
        page = self._submit(f"/alerts/{alert_id}", path, {})
        if page.is_error:
            raise Refused(f"{self.person_id} could not {action} the alert: HTTP {page.status_code}")

    def close(self) -> None:
        self._http.close()

    def _get(self, path: str) -> httpx.Response:
        page = self._http.get(path)
        if page.is_error:
            raise Refused(f"the console answered {path} with HTTP {page.status_code}")
        return page

    def _submit(self, page_path: str, action: str, filled: dict[str, str]) -> httpx.Response:
        page = self._get(page_path)
        for target, fields in _read(page).forms:
            full = urljoin(str(page.url), target or page_path)
            if urlsplit(full).path == action:
                return self._http.post(full, data={**fields, **filled})
        raise Refused(f"{self.person_id} sees no form for {action}")


def _read(page: httpx.Response) -> _Forms:
    parser = _Forms()
    parser.feed(page.text)
    return parser
