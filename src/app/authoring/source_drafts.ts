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

/** `draft source` */
export const SOURCE_DRAFT: DraftTemplate = {
  kind: "source",
  reads: null,
  wants: [],
  yaml: (context) => {
    const { path, samples } = sample("data", context);
    return {
      samples,
      text: `# Rows that are read as they are: files of the project, or a table outside.
${
        head("source", context)
      }source: csv                        # how to read it: csv, parquet, json, postgresql, iceberg, …
table: ${path}        # a file or a glob, relative to the project; or the name of a table

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
