/**
 * One at a time, newest next: while `run` is busy only the latest value is remembered.
 *
 * Under a dragged occluder this shows as many true answers as the kernel can give, where asking
 * for every position (each stopping the one before) would show none until the hand rests.
 */
export function latest<T>(run: (value: T) => Promise<void>): (value: T) => void {
  let busy = false;
  let next: { value: T } | undefined;
  return async (value) => {
    next = { value };
    if (busy) return;
    busy = true;
    try {
      while (next) {
        const now: T = next.value;
        next = undefined;
        // What went wrong with one says nothing of the next.
        await run(now).catch((error) => console.error(error));
      }
    } finally {
      busy = false;
    }
  };
}
