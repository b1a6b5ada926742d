import benchmarks from "../../docs/benchmarks.md" with { type: "text" };
import commands from "../../docs/commands.md" with { type: "text" };
import features from "../../docs/features.md" with { type: "text" };
import guide from "../../docs/guide.md" with { type: "text" };
import nodes from "../../docs/nodes.md" with { type: "text" };
import outsideTables from "../../docs/outside-tables.md" with { type: "text" };
import reference from "../../docs/reference.md" with { type: "text" };
import tutorial from "../../docs/tutorial.md" with { type: "text" };
import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";

/** A document of `docs/`, part of the program. */
export interface Guide {
  /** Its file's name without the ending. */
  readonly name: string;
  readonly title: string;
  /** Markdown. */
  readonly text: string;
}

/** A part of a guide under one heading, deeper headings included. */
export interface GuideSection {
  readonly guide: string;
  readonly heading: string;
  /** 1 for the title of the guide. */
  readonly level: number;
  /** Markdown, the heading included. */
  readonly text: string;
}

/** Every guide, in the order in which one would read them. */
export const GUIDES: readonly Guide[] = [
  makeGuide("tutorial", tutorial),
  makeGuide("guide", guide),
  makeGuide("nodes", nodes),
  makeGuide("features", features),
  makeGuide("outside-tables", outsideTables),
  makeGuide("reference", reference),
  makeGuide("commands", commands),
  makeGuide("benchmarks", benchmarks),
];

function makeGuide(name: string, text: string): Guide {
  return { name, title: /^# (.*)$/m.exec(text)?.[1] ?? name, text };
}

/**
 * A guide by its name, or a section by its heading: `guide`, `rollback`, `guide#plan`. The first guide that has such a
 * heading counts. Throws `unknown_topic` (2).
 */
export function findTopic(typed: string): GuideSection {
  const [first = "", second] = typed.split("#");
  const found = GUIDES.find(({ name }) => name === plainWords(first).replaceAll(" ", "-"));
  if (found !== undefined && second === undefined) return sectionsOf(found)[0]!;
  const guides = found === undefined || second === undefined ? GUIDES : [found];
  const wanted = plainWords(second ?? typed);
  const sections = guides.flatMap((guide) => sectionsOf(guide));
  const section = sections.find(({ heading }) => plainWords(heading) === wanted) ??
    sections.find(({ heading }) => plainWords(heading) === `seeknal ${wanted}`);
  if (section !== undefined) return section;
  const names = GUIDES.map(({ name }) => name);
  const headings = sections.map(({ heading }) => plainWords(heading));
  throw new UserError(`There is no topic "${typed}"`, {
    code: "unknown_topic",
    kind: "usage",
    hint: didYouMean(typed, [...names, ...headings]) ??
      `topics: ${names.join(", ")}; or look for words:\n    seeknal docs --search ${
        JSON.stringify(typed)
      }`,
  });
}

/** Sections that hold all of the words, in any case; the smallest ones that do. Throws `no_match` (2). */
export function searchGuides(typed: string): GuideSection[] {
  const words = typed.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const found = GUIDES.flatMap((guide) => {
    const own = sectionsOf(guide, true);
    return own.filter(({ text }) => words.every((word) => text.toLowerCase().includes(word)));
  });
  if (words.length > 0 && found.length > 0) return found;
  throw new UserError(`Nothing in the guides has all of: ${words.join(" ")}`, {
    code: "no_match",
    kind: "usage",
    hint: "try fewer words, or see the topics: seeknal docs",
  });
}

/** Sections in order; `isOwn` leaves out what stands under deeper headings. */
function sectionsOf({ name, text }: Guide, isOwn = false): GuideSection[] {
  const lines = text.split("\n");
  let isCode = false;
  const headings = lines.flatMap((line, at) => {
    if (line.startsWith("```")) isCode = !isCode;
    const match = isCode ? null : /^(#{1,6}) (.*)$/.exec(line);
    return match === null ? [] : [{ at, level: match[1]!.length, heading: match[2]!.trim() }];
  });
  return headings.map(({ at, level, heading }, i) => {
    const next = headings.slice(i + 1).find((other) => isOwn || other.level <= level);
    return { guide: name, heading, level, text: lines.slice(at, next?.at).join("\n") };
  });
}

function plainWords(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}
