import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { fileSchemas } from "../../src/project/file_schemas.ts";
import { parseYaml } from "../../src/project/yaml_document.ts";

const validators = new Map<string, ValidateFunction>();

/** An independent validator of one of the program's schemas; fails for a schema that is not in order. */
export function validatorOf(name: string): ValidateFunction {
  let known = validators.get(name);
  if (known === undefined) {
    const found = fileSchemas().find((file) => file.name === name);
    if (found === undefined) throw new Error(`No schema ${name}`);
    const ajv = new Ajv2020({
      allErrors: true,
      strict: true,
      strictTypes: false,
      strictRequired: false,
    });
    validators.set(name, known = ajv.compile(found.schema));
  }
  return known;
}

/** What a schema has against the documents of a YAML file, a line each; empty where it has nothing. */
export function schemaProblems(name: string, text: string): string[] {
  const { documents, problem } = parseYaml("file.yml", text);
  if (problem !== null) return [problem.message];
  const validate = validatorOf(name);
  return documents.flatMap(({ value }) =>
    validate(value)
      ? []
      : validate.errors!.map(({ instancePath, message, params }) =>
        `${instancePath || "/"} ${message} ${JSON.stringify(params)}`
      )
  );
}
