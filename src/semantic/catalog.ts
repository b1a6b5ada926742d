import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import type { Dimension, Entity, Join, Measure, Metric, SemanticModel } from "./definition.ts";

/** A measure with the model that it belongs to. */
export interface FoundMeasure {
  readonly model: SemanticModel;
  readonly measure: Measure;
}

/** A model that another one can look rows up in, with the joins that lead there. */
export interface Reached {
  readonly model: SemanticModel;
  readonly path: readonly { readonly from: SemanticModel; readonly join: Join }[];
  /** False where a row may find several: its measures would count more than once. */
  readonly isSafe: boolean;
  /** True where another way of the same length leads there. */
  readonly isAmbiguous: boolean;
}

/** All semantic models and metrics that can be named, by name. */
export class SemanticCatalog {
  readonly models: ReadonlyMap<string, SemanticModel>;
  readonly metrics: ReadonlyMap<string, Metric>;

  constructor(models: Iterable<SemanticModel>, metrics: Iterable<Metric>) {
    this.models = new Map([...models].map((model) => [model.name, model]));
    this.metrics = new Map([...metrics].map((metric) => [metric.name, metric]));
  }

  /** Throws `unknown_semantic_model` (3). */
  model(name: string): SemanticModel {
    const model = this.models.get(name);
    if (model !== undefined) return model;
    throw problem(
      "unknown_semantic_model",
      `There is no semantic model "${name}"`,
      didYouMean(name, this.models.keys()) ?? listed("there is", [...this.models.keys()]),
    );
  }

  /** Throws `unknown_metric` (3). */
  metric(name: string): Metric {
    const metric = this.metrics.get(bareMetric(name));
    if (metric !== undefined) return metric;
    throw problem(
      "unknown_metric",
      `There is no metric "${name}"`,
      didYouMean(bareMetric(name), this.metrics.keys()) ??
        listed("there is", [...this.metrics.keys()]),
    );
  }

  /** A measure by `model.measure` or a name that only one model has; null where there is none. Throws `ambiguous_measure` (3). */
  findMeasure(name: string, within: string | null): FoundMeasure | null {
    const dot = name.indexOf(".");
    const [owner, bare] = dot < 0
      ? [within, name]
      : [name.slice(0, dot).replace(/^semantic_model$/, ""), name.slice(dot + 1)];
    const models = owner === null ? [...this.models.values()] : [this.models.get(owner)];
    const found = models.flatMap((model) => {
      const measure = model?.measures.find((one) => one.name === bare);
      return measure === undefined ? [] : [{ model: model!, measure }];
    });
    if (found.length > 1) {
      const names = found.map(({ model }) => `${model.name}.${bare}`);
      throw problem(
        "ambiguous_measure",
        `Measure "${bare}" is in ${found.length} semantic models`,
        `write one of: ${names.join(", ")}`,
      );
    }
    return found[0] ?? null;
  }

  /** Like {@linkcode findMeasure}; throws `unknown_measure` (3) where there is none. */
  measure(name: string, within: string | null): FoundMeasure {
    const found = this.findMeasure(name, within);
    if (found !== null) return found;
    const own = within === null ? null : this.model(within);
    const models = own === null ? [...this.models.values()] : [own];
    const names = models.flatMap((model) =>
      model.measures.flatMap((measure) => [measure.name, `${model.name}.${measure.name}`])
    );
    throw problem(
      "unknown_measure",
      `There is no measure "${name}"${own === null ? "" : ` in semantic model ${own.name}`}`,
      didYouMean(name, names) ?? listed("there is", names.filter((n) => n.includes("."))),
    );
  }

  /** Every model that rows of one lead to, itself first, nearest first. Throws `unknown_semantic_model` (3). */
  reached(model: SemanticModel): Reached[] {
    const all: Reached[] = [{ model, path: [], isSafe: true, isAmbiguous: false }];
    const byName = new Map(all.map((one) => [one.model.name, one]));
    let depth = 0;
    let frontier = [...all];
    while (frontier.length > 0) {
      const next: Reached[] = [];
      for (const from of frontier) {
        for (const join of from.model.joins) {
          const known = byName.get(join.name);
          if (known !== undefined) {
            if (known.path.length === depth + 1) {
              const both = { ...known, isAmbiguous: true };
              byName.set(join.name, both);
              all[all.indexOf(known)] = both;
            }
            continue;
          }
          const reached: Reached = {
            model: this.model(join.name),
            path: [...from.path, { from: from.model, join }],
            isSafe: from.isSafe && /_to_one$/.test(join.relationship),
            isAmbiguous: from.isAmbiguous,
          };
          byName.set(join.name, reached);
          all.push(reached);
          next.push(reached);
        }
      }
      frontier = next;
      depth++;
    }
    return all;
  }
}

/** What a model can be grouped by: dimensions and entities. */
export function groupings(model: SemanticModel): readonly (Dimension | Entity)[] {
  return [...model.dimensions, ...model.entities];
}

/** A problem with what is asked of a semantic layer. */
export function problem(code: string, message: string, hint: string): UserError {
  return new UserError(message, { code, kind: "validation", hint });
}

/** `there is: a, b, c and 4 more`, or that there is nothing. */
export function listed(words: string, names: readonly string[]): string {
  if (names.length === 0) return "there are none yet";
  const shown = names.slice(0, 10).join(", ");
  return `${words}: ${shown}${names.length > 10 ? ` and ${names.length - 10} more` : ""}`;
}

/** `metric.revenue` is `revenue`. */
export function bareMetric(name: string): string {
  return name.replace(/^metric\./, "");
}
