/** Waiting for an answer only as long as somebody wants it. */

/**
 * A promise's two ends, of which the first ends the waiting; until then `leave` is called when the
 * signal aborts. A view's signal stays for hours: nothing may hang on it once this is answered.
 */
export function whileWanted<T>(
  signal: AbortSignal | undefined,
  leave: () => void,
  resolve: (answer: T) => void,
  reject: (error: unknown) => void,
) {
  const done = () => signal?.removeEventListener("abort", leave);
  signal?.addEventListener("abort", leave, { once: true });
  return {
    resolve: (answer: T) => {
      done();
      resolve(answer);
    },
    reject: (error: unknown) => {
      done();
      reject(error);
    },
  };
}
