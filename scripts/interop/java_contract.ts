/** What every catalog must do, asked of the REST server at `SEEKNAL_INTEROP_URI`: run by `deno test`. */
import { openCatalog } from "../../src/iceberg/open_catalog.ts";
import { catalogContract } from "../../tests/support/catalog_contract.ts";

catalogContract({
  name: "Java",
  hasLooseNamespaces: true,
  open: () =>
    openCatalog(
      {
        name: "atlas",
        type: "iceberg",
        options: { catalog: "rest", uri: Deno.env.get("SEEKNAL_INTEROP_URI") ?? "" },
        file: "profiles.yml",
      },
      { env: () => undefined, root: "/", now: () => new Date() },
    ),
});
