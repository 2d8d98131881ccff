import type * as api from "./index.js";

export { FlashdeltaError } from "./index.js";

type OrBlob<T> = T extends api.File ? T | Blob : T;
type Sent<T extends unknown[]> = { [I in keyof T]: OrBlob<T[I]> };
type Promised<F> = F extends (...values: infer V) => infer R ? (...values: Sent<V>) => Promise<R> : never;
type PromisedAll<T> = { [K in keyof T]: Promised<T[K]> };

/** The API in a thread of its own: one call after the other. */
export interface FlashdeltaWorker
  extends PromisedAll<
    Pick<typeof api, "make" | "apply" | "verify" | "info" | "convert" | "personalize" | "build">
  > {
  images: PromisedAll<(typeof api)["images"]>;
  sets: PromisedAll<(typeof api)["sets"]>;
  /** Ends the thread; calls that wait end with the code `cancelled`. */
  terminate(): void;
}

/**
 * A thread of its own, which the first call starts. Files may be a `Blob`, too, such as those that
 * are dropped on a page. A signal ends the work at once.
 */
export declare function createWorker(): FlashdeltaWorker;
