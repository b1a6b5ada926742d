/// <reference lib="dom" />
import type { PageData, Selection } from "./page_data.ts";
import type { Links, Trace } from "./trace.ts";

/** The text beside the graph. */
export interface Panel {
  /** Shows what is selected, or what the graph is about. */
  show(selection: Selection | null, trace: Trace | null): void;
}

/** Runs in the page, so it uses nothing from outside of itself. */
export function createPanel(
  root: HTMLElement,
  data: PageData,
  links: Links,
  kindColours: readonly string[],
  select: (selection: Selection | null) => void,
): Panel {
  const listed = 60;
  return { show };

  function show(selection: Selection | null, trace: Trace | null): void {
    root.replaceChildren(
      ...selection === null
        ? overview()
        : selection.column === -1
        ? nodeParts(selection.node, trace)
        : columnParts(selection, trace),
    );
    root.scrollTop = 0;
  }

  function overview(): Node[] {
    if (data.nodes.length === 0) return [el("h2", "", "There are no nodes.")];
    const columns = links.nodeOfColumn.length;
    const untraced = [...data.nodes.keys()].filter((node) => !data.nodes[node]!.traced);
    const kinds = new Map<string, number[]>();
    data.nodes.forEach(({ kind }, node) => kinds.set(kind, [...kinds.get(kind) ?? [], node]));
    const colourOf = (nodes: readonly number[]) => kindColours[nodes[0]!]!;
    const sorted = [...kinds.values()].sort((a, b) => colourOf(a).localeCompare(colourOf(b)));
    const keys = [
      ["Click", "a node: everything up and downstream of it. A column: its path."],
      ["/", "search, Enter selects"],
      ["\u2190 \u2192", "to what it reads, to what reads it"],
      ["\u2191 \u2193", "to the next one in the layer or card"],
      ["Space", "show or hide the columns of a card"],
      ["C", "show or hide all columns"],
      ["P", "show nothing but the path"],
      ["+ \u2212 F", "zoom, fit"],
      ["Esc", "clear"],
    ];
    return [
      el("h2", "", "Overview"),
      el(
        "dl",
        "figures",
        ...figure(data.nodes.length, "nodes"),
        ...figure(columns, "columns"),
        ...figure(data.columnEdges.length / 4, "column links"),
      ),
      section(
        "Kinds",
        el(
          "ul",
          "links",
          ...sorted.map((nodes) =>
            el("li", "kind-line", pill(nodes[0]!), el("span", "soft", count(nodes.length, "node")))
          ),
        ),
      ),
      section(
        "How to read it",
        el(
          "dl",
          "keys",
          ...keys.flatMap((
            [key, text],
          ) => [el("dt", "", el("kbd", "", key!)), el("dd", "", text!)]),
        ),
      ),
      ...untraced.length === 0 ? [] : [
        section(
          "Columns cannot be followed",
          el(
            "p",
            "soft",
            "What these nodes read column by column is not known; assume everything.",
          ),
          nodeList(untraced),
        ),
      ],
    ];
  }

  function nodeParts(node: number, trace: Trace | null): Node[] {
    const { id, kind, file, description, sql, columns, traced } = data.nodes[node]!;
    const reads = links.into[node]!.map((edge) => data.edges[edge * 2]!);
    const readBy = links.outOf[node]!.map((edge) => data.edges[edge * 2 + 1]!);
    return [
      el("div", "over", pill(node)),
      el("h2", "", id.slice(kind.length + 1)),
      el("p", "file", file),
      ...traced ? [] : [warning()],
      ...description === null || description === "" ? [] : [el("p", "description", description)],
      ...trace === null ? [] : [reachLine(trace.nodes, "node")],
      section(
        count(columns.length, "column"),
        el(
          "ul",
          "links",
          ...shorten(
            columns.map(({ name, type }, column) =>
              link({ node, column }, name, el("span", "type", type))
            ),
          ),
        ),
      ),
      section("Reads", nodeList(reads, "No other node.")),
      section("Read by", nodeList(readBy, "No other node.")),
      ...rowParts(node),
      ...sqlParts(sql),
    ];
  }

  function columnParts({ node, column }: Selection, trace: Trace | null): Node[] {
    const { id, sql, columns, traced, file } = data.nodes[node]!;
    const index = links.columnStart[node]! + column;
    const { columnEdges, rowEdges } = data;
    const from = links.intoColumn[index]!.map((edge) => ({
      node: columnEdges[edge * 4]!,
      column: columnEdges[edge * 4 + 1]!,
    }));
    const to = links.outOfColumn[index]!.map((edge) => ({
      node: columnEdges[edge * 4 + 2]!,
      column: columnEdges[edge * 4 + 3]!,
    }));
    const decides = links.rowsOutOf[index]!.map((edge) => rowEdges[edge * 3 + 2]!);
    const isSource = links.into[node]!.length === 0;
    const nothing = !traced
      ? "Cannot tell."
      : isSource
      ? "Nothing: it is read from outside."
      : "No column: a constant, or a count of rows.";
    return [
      el("div", "over", el("span", "soft", "column of"), link({ node, column: -1 }, id)),
      el("h2", "", columns[column]!.name),
      el("p", "file", columns[column]!.type),
      el("p", "file", file),
      ...traced ? [] : [warning()],
      ...trace === null ? [] : [reachLine(trace.columns, "column")],
      section("Computed from", columnList(from, nothing)),
      section("Read by", columnList(to, "No other column.")),
      section("Decides the rows of", nodeList(decides, "No node.")),
      ...rowParts(node),
      ...sqlParts(sql),
    ];
  }

  function rowParts(node: number): Node[] {
    const columns = links.rowsInto[node]!.map((edge) => ({
      node: data.rowEdges[edge * 3]!,
      column: data.rowEdges[edge * 3 + 1]!,
    }));
    return columns.length === 0 ? [] : [section("Its rows are decided by", columnList(columns))];
  }

  function sqlParts(sql: string): Node[] {
    if (sql.trim() === "") return [];
    const copy = el("button", "copy", "Copy");
    copy.setAttribute("type", "button");
    copy.addEventListener("click", () => {
      navigator.clipboard?.writeText(sql).then(() => copy.textContent = "Copied", () => {});
    });
    const code = el("pre", "sql", ...highlighted(sql));
    code.tabIndex = 0;
    const part = section("SQL", code);
    part.querySelector("h3")!.append(copy);
    return [part];
  }

  function highlighted(sql: string): Node[] {
    if (sql.length > 50_000) return [document.createTextNode(sql)];
    const keywords = new Set(
      ("select from where group by order having limit offset join left right full inner " +
        "outer cross on using as with recursive union all distinct case when then else end " +
        "and or not in is null like ilike between exists over partition rows range qualify " +
        "window values cast filter asc desc true false interval exclude replace unnest " +
        "lateral except intersect any asof semi anti").split(" "),
    );
    const parts = sql.match(/--[^\n]*|\/\*[^]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|\s+|[^]/g);
    return (parts ?? []).map((text) => {
      const style = /^(--|\/\*)/.test(text)
        ? "comment"
        : text.startsWith("'") || /^\d/.test(text)
        ? "literal"
        : keywords.has(text.toLowerCase())
        ? "keyword"
        : "";
      return style === "" ? document.createTextNode(text) : el("span", style, text);
    });
  }

  function reachLine(sides: Uint8Array, word: string): Node {
    const up = sides.filter((side) => side === 1).length;
    const down = sides.filter((side) => side === 2).length;
    const rows = sides.filter((side) => side === 4).length;
    return el(
      "p",
      "reach",
      el("span", "up", `${count(up, word)} upstream`),
      el("span", "down", `${down.toLocaleString("en")} downstream`),
      ...rows === 0 ? [] : [el("span", "rows", `${rows.toLocaleString("en")} decide rows`)],
    );
  }

  function warning(): Node {
    return el("p", "warning", "Columns cannot be followed: assume that everything is read.");
  }

  function pill(node: number): Node {
    const result = el("span", "pill", data.nodes[node]!.kind);
    result.style.setProperty("--kind", `var(--${kindColours[node]!})`);
    return result;
  }

  function nodeList(nodes: readonly number[], nothing = ""): Node {
    if (nodes.length === 0) return el("p", "soft", nothing);
    const lines = nodes.map((node) => {
      const button = link({ node, column: -1 }, data.nodes[node]!.id);
      button.prepend(el("span", "mark", ""));
      return button;
    });
    return el("ul", "links", ...shorten(lines));
  }

  function columnList(columns: readonly Selection[], nothing = ""): Node {
    if (columns.length === 0) return el("p", "soft", nothing);
    const lines = columns.map(({ node, column }) => {
      const { id, columns } = data.nodes[node]!;
      return link({ node, column }, columns[column]!.name, el("span", "of", id));
    });
    return el("ul", "links", ...shorten(lines));
  }

  function shorten(buttons: readonly HTMLElement[]): Node[] {
    const lines = buttons.map((button) => el("li", "", button));
    if (lines.length <= listed + 5) return lines;
    const more = el("button", "more", `Show all ${lines.length.toLocaleString("en")}`);
    more.setAttribute("type", "button");
    const last = el("li", "", more);
    more.addEventListener("click", () => last.replaceWith(...lines.slice(listed)));
    return [...lines.slice(0, listed), last];
  }

  function link(to: Selection, text: string, ...rest: Node[]): HTMLElement {
    const button = el("button", "link", el("span", "name", text), ...rest);
    button.setAttribute("type", "button");
    button.style.setProperty("--kind", `var(--${kindColours[to.node]!})`);
    button.addEventListener("click", () => select(to));
    return button;
  }

  function section(title: string, ...content: Node[]): HTMLElement {
    return el("section", "", el("h3", "", title), ...content);
  }

  function figure(value: number, word: string): Node[] {
    return [el("div", "", el("dt", "", word), el("dd", "", value.toLocaleString("en")))];
  }

  function count(value: number, word: string): string {
    return `${value.toLocaleString("en")} ${word}${value === 1 ? "" : "s"}`;
  }

  function el(tag: string, style: string, ...content: readonly (Node | string)[]): HTMLElement {
    const element = document.createElement(tag);
    if (style !== "") element.className = style;
    element.append(...content);
    return element;
  }
}
