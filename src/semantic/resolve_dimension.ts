import { didYouMean } from "../base/closest.ts";
import { groupings, listed, problem, type Reached, type SemanticCatalog } from "./catalog.ts";
import { type Grain, GRAINS, METRIC_TIME, type SemanticModel } from "./definition.ts";
import { isFiner } from "./grain.ts";
import { ident } from "./sql_text.ts";

/** A dimension as somebody asked for it, found from one model. */
export interface ResolvedDimension {
  /** Name of the column that comes out. */
  readonly output: string;
  /** Where it is, and how rows get there. */
  readonly place: Reached;
  /** Name in that model. */
  readonly name: string;
  /** Period that it is cut to; null: as it is. */
  readonly grain: Grain | null;
  readonly isTime: boolean;
}

const GRAIN_REGEXP = new RegExp(`^(.+)__(${GRAINS.join("|")})$`, "i");

/** Name of the column that a dimension comes out as. */
export function outputName(typed: string): string {
  return typed.replaceAll(".", "__");
}

/**
 * Finds `status`, `order_date__month`, `metric_time__day`, `customers.region` or `customers__region` from a model.
 * Throws `unknown_dimension`, `ambiguous_dimension`, `fan_out` and `invalid_grain` (3).
 */
export function resolveDimension(
  catalog: SemanticCatalog,
  base: SemanticModel,
  typed: string,
): ResolvedDimension {
  const found = findDimension(catalog, base, typed);
  if (found !== null) return found;
  const names = dimensionNames(catalog, base);
  throw problem(
    "unknown_dimension",
    `"${typed}" is no dimension that ${base.name} can be grouped or filtered by`,
    didYouMean(typed.replace(GRAIN_REGEXP, "$1"), names) ?? listed("there is", names),
  );
}

/** Like {@linkcode resolveDimension}; null for an unknown name. */
export function findDimension(
  catalog: SemanticCatalog,
  base: SemanticModel,
  typed: string,
): ResolvedDimension | null {
  const whole = lookUp(catalog, base, typed);
  const suffix = whole === null ? GRAIN_REGEXP.exec(typed) : null;
  const found = suffix === null ? whole : lookUp(catalog, base, suffix[1]!);
  if (found === null) return null;
  checkPlace(found.place, base, typed);
  const asked = suffix === null ? null : suffix[2]!.toLowerCase() as Grain;
  const { place, name } = found;
  const dimension = place.model.dimensions.find((one) => one.name === name);
  const isTime = dimension?.type === "time";
  const exact = dimension?.time_granularity ?? null;
  if (asked !== null && !isTime) {
    throw problem("invalid_grain", `"${name}" is no time: it has no ${asked}`, `write ${name}`);
  }
  if (asked !== null && exact !== null && isFiner(asked, exact)) {
    throw problem(
      "invalid_grain",
      `"${name}" is exact to the ${exact} only, not to the ${asked}`,
      `write ${name}__${exact}`,
    );
  }
  return { output: outputName(typed), place, name, grain: asked ?? exact, isTime };
}

/** Names by which a model can be grouped, its own first. */
export function dimensionNames(catalog: SemanticCatalog, base: SemanticModel): string[] {
  const own = groupings(base).map(({ name }) => name);
  const joined = catalog.reached(base).slice(1)
    .filter(({ isSafe, isAmbiguous }) => isSafe && !isAmbiguous)
    .flatMap(({ model }) => model.dimensions.map(({ name }) => `${model.name}.${name}`));
  const time = base.default_time_dimension === null ? [] : [METRIC_TIME];
  return [...new Set([...time, ...own, ...joined])];
}

/** The dimension as SQL, where each model goes by its name. */
export function dimensionSql({ place, name, grain }: ResolvedDimension): string {
  const column = `${ident(place.model.name)}.${ident(name)}`;
  return grain === null ? column : truncated(column, grain);
}

/** The first day of the period that a time lies in. */
export function truncated(sql: string, grain: Grain): string {
  return `CAST(date_trunc('${grain}', ${sql}) AS DATE)`;
}

function lookUp(
  catalog: SemanticCatalog,
  base: SemanticModel,
  typed: string,
): { place: Reached; name: string } | null {
  const reached = catalog.reached(base);
  const own = reached[0]!;
  if (typed === METRIC_TIME && !has(base, typed)) {
    const time = base.default_time_dimension;
    if (time !== null) return { place: own, name: time };
    throw problem(
      "no_metric_time",
      `${base.name} has no default_time_dimension for ${METRIC_TIME}`,
      `add to semantic_model ${base.name}: default_time_dimension: …`,
    );
  }
  if (has(base, typed)) return { place: own, name: typed };
  const joined = reached.slice(1).filter(({ model }) =>
    model.dimensions.some(({ name }) => name === typed)
  );
  if (joined.length === 1) return { place: joined[0]!, name: typed };
  if (joined.length > 1) {
    throw problem(
      "ambiguous_dimension",
      `"${typed}" is a dimension of ${joined.map(({ model }) => model.name).join(" and ")}`,
      `write one of: ${joined.map(({ model }) => `${model.name}.${typed}`).join(", ")}`,
    );
  }
  for (const place of reached) {
    for (const mark of [".", "__"]) {
      const prefix = place.model.name + mark;
      const name = typed.slice(prefix.length);
      if (typed.startsWith(prefix) && has(place.model, name)) return { place, name };
    }
  }
  return null;
}

function has(model: SemanticModel, name: string): boolean {
  return groupings(model).some((one) => one.name === name);
}

function checkPlace(
  { model, isSafe, isAmbiguous, path }: Reached,
  base: SemanticModel,
  typed: string,
): void {
  if (isAmbiguous) {
    throw problem(
      "ambiguous_dimension",
      `"${typed}": several ways lead from ${base.name} to ${model.name}`,
      "leave out one of these joins",
    );
  }
  if (isSafe) return;
  const join = path.find(({ join }) => !/_to_one$/.test(join.relationship))!.join;
  throw problem(
    "fan_out",
    `"${typed}": a row of ${base.name} finds several of ${join.name} (${join.relationship}), and would count several times`,
    `group by what ${base.name} has itself, or by models joined many_to_one`,
  );
}
