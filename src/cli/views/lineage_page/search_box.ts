/// <reference lib="dom" />
import { findMatches } from "./find_matches.ts";
import type { PageData, Selection } from "./page_data.ts";

/** The search field with its list of results. */
export interface SearchBox {
  /** Puts the cursor into the field. */
  focus(): void;
  /** Empties the field and closes the list. */
  clear(): void;
}

/** Runs in the page; besides `findMatches()` it uses nothing from outside of itself. */
export function createSearchBox(
  input: HTMLInputElement,
  list: HTMLElement,
  data: PageData,
  kindColours: readonly string[],
  select: (selection: Selection) => void,
): SearchBox {
  let found: readonly Selection[] = [];
  let active = 0;
  input.addEventListener("input", update);
  input.addEventListener("focus", update);
  input.addEventListener("blur", () => list.hidden = true);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      move(event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
    } else if (event.key === "Enter" && !list.hidden) {
      choose(active);
    } else if (event.key === "Escape") {
      clear();
      input.blur();
    }
    event.stopPropagation();
  });
  // The field must keep the focus until the click has chosen.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  return { focus, clear };

  function focus(): void {
    input.focus();
    input.select();
  }

  function clear(): void {
    input.value = "";
    update();
  }

  function update(): void {
    const matches = findMatches(data, input.value, 40);
    found = matches.best;
    active = 0;
    const isOpen = input.value.trim() !== "";
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return;
    const lines = found.map(line);
    const rest = matches.count - found.length;
    if (matches.count === 0) lines.push(note("Nothing is called so."));
    else if (rest > 0) lines.push(note(`${rest.toLocaleString("en")} more: type on`));
    list.replaceChildren(...lines);
    list.scrollTop = 0;
    move(0);
  }

  function line({ node, column }: Selection, index: number): HTMLElement {
    const { id, kind, columns } = data.nodes[node]!;
    const result = document.createElement("li");
    result.id = `result-${index}`;
    result.setAttribute("role", "option");
    result.style.setProperty("--kind", `var(--${kindColours[node]!})`);
    const name = column === -1 ? id.slice(kind.length + 1) : columns[column]!.name;
    result.append(
      span(column === -1 ? "mark node" : "mark column", ""),
      span("name", name),
      span("of", column === -1 ? kind : id),
    );
    result.addEventListener("click", () => choose(index));
    return result;
  }

  function note(text: string): HTMLElement {
    const result = document.createElement("li");
    result.className = "note";
    result.textContent = text;
    return result;
  }

  function span(style: string, text: string): HTMLElement {
    const result = document.createElement("span");
    result.className = style;
    result.textContent = text;
    return result;
  }

  function move(by: number): void {
    list.children[active]?.removeAttribute("aria-selected");
    active = Math.max(0, Math.min(found.length - 1, active + by));
    if (found.length === 0) return input.removeAttribute("aria-activedescendant");
    const line = list.children[active]!;
    line.setAttribute("aria-selected", "true");
    line.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", line.id);
  }

  function choose(index: number): void {
    const selection = found[index];
    if (selection === undefined) return;
    list.hidden = true;
    input.blur();
    select(selection);
  }
}
