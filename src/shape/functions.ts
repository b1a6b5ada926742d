/**
 * Functions whose value depends on more than their arguments: chance, the clock, the
 * session. From `duckdb_functions().stability` of DuckDB 1.5.5 (a test compares), and
 * those that say CONSISTENT there but read the session.
 */
const VOLATILE = new Set(
  ("random uuid gen_random_uuid uuidv4 uuidv7 setseed nextval currval sleep_ms write_log stats " +
    "now get_current_timestamp current_date today get_current_time transaction_timestamp " +
    "current_localtime current_localtimestamp txid_current current_transaction_id " +
    "current_connection_id current_query current_query_id current_database current_schema " +
    "current_schemas in_search_path getvariable current_setting vector_type").split(" "),
);

/** Functions that give another value for every row and every call. */
const DRAWN = new Set("random uuid gen_random_uuid uuidv4 uuidv7 nextval".split(" "));

/** True for a function of which two calls in one query give different values. */
export function isDrawnPerCall(name: string): boolean {
  return DRAWN.has(name);
}

/** True for a function that may give another value the next time the query runs. */
export function isVolatile(name: string, argumentCount: number): boolean {
  // With one argument it is the age as of today.
  return VOLATILE.has(name) || (name === "age" && argumentCount === 1);
}

/**
 * Functions whose constant arguments do not all show in the serialised plan, those that tell
 * how something is written, which is left out of what is compared, and bitstring_agg(), which
 * without bounds takes them from what the optimiser knows.
 */
const OPAQUE = new Set(["reservoir_quantile", "stats", "alias", "bitstring_agg"]);

/** True for a function about which the serialised plan does not say everything. */
export function isOpaque(name: string): boolean {
  return OPAQUE.has(name);
}

/**
 * Aggregates whose value does not depend on the order in which rows arrive. Sums and
 * averages of floating-point numbers are among them: runs differ in the last digits only.
 */
const ORDER_FREE = new Set(
  ("count count_star count_if countif sum sum_no_overflow fsum sumkahan kahan_sum sumKahan avg mean " +
    "favg product min max bool_and bool_or bit_and bit_or bit_xor stddev " +
    "stddev_samp stddev_pop variance var_samp var_pop sem skewness kurtosis kurtosis_pop entropy " +
    "corr covar_samp covar_pop regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope " +
    "regr_sxx regr_sxy regr_syy median mad quantile quantile_cont quantile_disc " +
    "approx_count_distinct histogram histogram_exact geomean geometric_mean").split(" "),
);

/** True for an aggregate that gives the same value for the same rows in any order. */
export function isOrderFree(name: string): boolean {
  return ORDER_FREE.has(name);
}

/** Window functions that depend on values only, never on which of two equal rows comes first. */
const TIE_FREE = new Set([
  "WINDOW_RANK",
  "WINDOW_RANK_DENSE",
  "WINDOW_PERCENT_RANK",
  "WINDOW_CUME_DIST",
]);

/** True for a ranking that gives tied rows the same value. */
export function isTieFree(windowType: string): boolean {
  return TIE_FREE.has(windowType);
}
