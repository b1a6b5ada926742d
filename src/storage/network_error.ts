/**
 * Why `fetch` failed, in the words of the network: `Connection refused (os error 111)`. Without the address,
 * which callers name in their own way.
 */
export function networkReason(error: Error): string {
  const text = error.cause instanceof Error ? error.cause.message : error.message;
  return /client error \(\w+\): (.*)$/s.exec(text)?.[1] ?? text;
}

/** True when no byte of the request can have reached the server: the connection was never made. */
export function isNeverConnected(error: Error): boolean {
  const { cause } = error;
  return cause instanceof Error && /client error \(Connect\)/.test(cause.message);
}
