/** The page and its parameters live in the link's fragment, so that every view can be kept, sent and restored. */

export interface Route {
  page: string;
  rest: string;
  query: URLSearchParams;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a link that was cut in the middle of a character
  }
}

function parse(fragment: string): Route {
  const [path = "", query = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/");
  return { page: page || "overview", rest: rest.map(decoded).join("/"), query: new URLSearchParams(query) };
}

export const router: { route: Route } = $state({ route: parse(location.hash) });

addEventListener("hashchange", () => {
  router.route = parse(location.hash);
});

type Given = Record<string, string | number | boolean | null | undefined>;

export function link(page: string, rest = "", query: Given = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value != null && value !== false);
  const written = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  const path = rest ? `${page}/${rest.split("/").map(encodeURIComponent).join("/")}` : page;
  return `#/${path}${given.length ? `?${written}` : ""}`;
}

/** Change some filters of the present page, keep the others, and make no new entry in the history. */
export function refine(changed: Given): void {
  const { page, rest, query } = router.route;
  history.replaceState(history.state, "", link(page, rest, { ...Object.fromEntries(query), ...changed }));
  router.route = parse(location.hash);
}

/** A filter of the present page; undefined where the link has none. */
export function asked(name: string): string | undefined {
  return router.route.query.get(name) || undefined;
}

export function askedNumber(name: string, otherwise: number): number {
  const value = Number(asked(name));
  return Number.isInteger(value) && value > 0 ? value : otherwise;
}
