import { type DraftContext, type DraftTemplate, head } from "./draft_template.ts";

const SAMPLE_CSV = `id,name,created_at,amount
1,first,2026-01-05,30.00
2,second,2026-01-06,12.50
3,third,2026-01-07,99.90
`;

/** A file of sample rows, unless a file of that name is there. */
function sample(folder: string, { name, exists }: DraftContext) {
  const path = `${folder}/${name}.csv`;
  return { path, samples: exists(path) ? [] : [{ path, text: SAMPLE_CSV }] };
}

/** Types of sources by the endings of their files. */
const TYPES_BY_ENDING = [
  ["csv", "csv"],
  ["parquet", "parquet"],
  ["json", "json"],
  ["jsonl", "jsonl"],
  ["tsv", "tsv"],
  ["xlsx", "excel"],
] as const;

/** The file of that name in `data/`, whatever it is; without one a CSV file of sample rows. */
function sourceFile(context: DraftContext) {
  for (const [ending, type] of TYPES_BY_ENDING) {
    const path = `data/${context.name}.${ending}`;
    if (context.exists(path)) return { type, path, samples: [] };
  }
  return { type: "csv", ...sample("data", context) };
}

/** A line with its comment where the other comments stand. */
function withComment(line: string, comment: string): string {
  return `${line.padEnd(34)} # ${comment}`;
}

/** `draft source` */
export const SOURCE_DRAFT: DraftTemplate = {
  kind: "source",
  reads: null,
  wants: [],
  yaml: (context) => {
    const { type, path, samples } = sourceFile(context);
    return {
      samples,
      text: `# Rows that are read as they are: files of the project, or a table outside.
${head("source", context)}${
        withComment(`source: ${type}`, "how to read it: csv, parquet, json, excel, postgresql, …")
      }
${withComment(`table: ${path}`, "a file or a glob, such as data/days/*.csv; or a table")}

# params:                          # how to read it; each type of source has its own
#   delimiter: ";"
#   nullstr: "n/a"
# columns:                         # types to read columns as; what is not named is found out
#   id: BIGINT
#   amount: DECIMAL(10,2)
# freshness:                       # how old the newest row may be
#   time_column: created_at
#   warn_after: 24h
# contract: enforce                # other columns than those above fail it; evolve: they are said
# owner: data@example.com          # whom to ask
# tags: [raw]                      # words to select by
# audits:                          # checks that its rows have to pass
#   - type: not_null
#     columns: [id]
`,
    };
  },
};

/** `draft seed` */
export const SEED_DRAFT: DraftTemplate = {
  kind: "seed",
  reads: null,
  wants: [],
  yaml: (context) => {
    const { path, samples } = sample("seeds", context);
    return {
      samples,
      text: `# A small CSV file that is kept with the project: codes, names, exceptions.
${head("seed", context)}file: ${path}

# delimiter: ";"
# nullstr: "n/a"
# columns:                         # types to read columns as; what is not named is found out
#   id: BIGINT
# audits:                          # checks that its rows have to pass
#   - type: unique
#     columns: [id]
`,
    };
  },
};
