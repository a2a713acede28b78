/** The page and its parameters live in the link's fragment, so that every view can be kept and restored. */

export interface Route {
  page: string;
  rest: string;
  query: URLSearchParams;
}

function parse(fragment: string): Route {
  const [path = "", query = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/");
  return { page: page || "overview", rest: rest.map(decodeURIComponent).join("/"), query: new URLSearchParams(query) };
}

export const router = $state({ route: parse(location.hash) });

addEventListener("hashchange", () => {
  router.route = parse(location.hash);
});

export function link(page: string, rest = "", query: Record<string, string> = {}): string {
  const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""));
  const path = rest ? `${page}/${rest.split("/").map(encodeURIComponent).join("/")}` : page;
  return `#/${path}${given.size ? `?${given}` : ""}`;
}

/** Change the filters of the present page without a new entry in the history. */
export function refine(query: Record<string, string>): void {
  const { page, rest } = router.route;
  history.replaceState(null, "", link(page, rest, query));
  router.route = parse(location.hash);
}
