import {
  type DraftContext,
  type DraftTemplate,
  plain,
  sqlName,
  yamlText,
} from "./draft_template.ts";

const id = ({ name, description }: DraftContext) =>
  `id: ${yamlText(name)}\ndescription: ${yamlText(description)}\n`;

/** `draft common-source` */
export const COMMON_SOURCE_DRAFT: DraftTemplate = {
  kind: "common-source",
  reads: "rows",
  wants: [],
  yaml: (context) => {
    const { name, input } = context;
    const { key, time } = input?.roles ?? { key: null, time: null };
    return plain(
      `# A name for a node and its columns, shared by queries. Becomes an entry of seeknal/common/sources.yml.
kind: common-source
${id(context)}# In SQL: ref('{{ ${name}.ref }}'), {{ ${name}.idCol }}, {{ ${name}.dateCol }}
ref: ${input?.id ?? "source.orders"}
params:
  idCol: ${yamlText(key?.name ?? "order_id")}
  dateCol: ${yamlText(time?.name ?? "order_date")}
`,
    );
  },
};

/** `draft common-rule` */
export const COMMON_RULE_DRAFT: DraftTemplate = {
  kind: "common-rule",
  reads: "rows",
  wants: [],
  yaml: (context) => {
    const column = context.input?.roles.key?.name ?? "order_id";
    return plain(`# A condition, shared by queries. Becomes an entry of seeknal/common/rules.yml.
kind: common-rule
${id(context)}# In SQL: WHERE {{ rules.${context.name} }}
value: ${JSON.stringify(`${sqlName(column)} IS NOT NULL`)}
`);
  },
};

/** `draft common-transformation` */
export const COMMON_TRANSFORMATION_DRAFT: DraftTemplate = {
  kind: "common-transformation",
  reads: "rows",
  wants: [],
  yaml: (context) => {
    const column = sqlName(context.input?.roles.category?.name ?? "status");
    return plain(
      `# A piece of SQL, shared by queries. Becomes an entry of seeknal/common/transformations.yml.
kind: common-transformation
${id(context)}# In SQL: SELECT {{ transforms.${context.name} }}
sql: |
  trim(lower(${column}))
`,
    );
  },
};
