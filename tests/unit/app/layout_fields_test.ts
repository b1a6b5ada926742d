import assert from "node:assert/strict";
import { layoutFields } from "../../../src/app/layout_fields.ts";

Deno.test("layoutFields() writes fields as YAML, and leaves out what is empty", () => {
  assert.deepEqual(
    layoutFields({
      id_col: ["customer_id"],
      application_date_col: null,
      group_by: [],
      most: 5,
      text: "[not JSON",
      spine: { ref: "source.orders", event_time: "day" },
      features: JSON.stringify([
        {
          name: "amount",
          basic: ["sum", "mean"],
          rolling: [{ window: [1, 7], aggs: ["sum"] }],
          since: [],
        },
        { name: "status", basic: ["count"] },
      ]),
    }),
    [
      "id_col: [customer_id]",
      "most: 5",
      "text: [not JSON",
      "spine:",
      "  ref: source.orders",
      "  event_time: day",
      "features:",
      "  - name: amount",
      "    basic: [sum, mean]",
      "    rolling:",
      "      - window: [1, 7]",
      "        aggs: [sum]",
      "  - name: status",
      "    basic: [count]",
    ],
  );
});
