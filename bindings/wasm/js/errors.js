/** Why flashdelta could not do something: one row of the table in docs/errors.md. */
export class FlashdeltaError extends Error {
  /** @param {{message: string, code: string, class: string, remedy?: string | null, advice?: string | null}} fields */
  constructor({ message, code, class: errorClass, remedy = null, advice = null }) {
    super(advice ? `${message}; ${advice}` : message);
    this.name = "FlashdeltaError";
    this.code = code;
    this.class = errorClass;
    this.remedy = remedy;
    this.advice = advice;
  }

  /** The work was given up: by a signal, or by the progress callback. */
  static cancelled() {
    return new FlashdeltaError({ message: "cancelled", code: "cancelled", class: "interrupted" });
  }

  /** An option that is not possible. */
  static option(message) {
    return new FlashdeltaError({ message, code: "option", class: "usage" });
  }

  /** The fields, for a message to another thread. */
  fields() {
    const { message, code, class: errorClass, remedy, advice } = this;
    const end = advice ? `; ${advice}` : "";
    return { message: message.slice(0, message.length - end.length), code, class: errorClass, remedy, advice };
  }

  /** What WebAssembly threw, as an error of ours; what a callback of the caller's threw stays as it is. */
  static of(thrown) {
    if (thrown instanceof WebAssembly.RuntimeError || thrown instanceof RangeError) {
      const message = `flashdelta has failed: ${thrown.message}: out of memory, or a bug`;
      return new FlashdeltaError({ message, code: "internal", class: "internal", remedy: "Report" });
    }
    const isOurs = thrown !== null && typeof thrown === "object" && !(thrown instanceof Error);
    return isOurs && typeof thrown.code === "string" ? new FlashdeltaError(thrown) : thrown;
  }
}
