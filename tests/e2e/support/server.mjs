import { createServer } from "node:http";
import { fromWeb } from "./artefacts.mjs";

/** Serves a directory on a free port of this machine, as `make serve` does; ends with the test. */
export async function serve(test, root) {
  const files = fromWeb("sirv")(root, { dev: true, brotli: true });
  const server = createServer((request, response) => files(request, response, () => response.writeHead(404).end()));
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}
