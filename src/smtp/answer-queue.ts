/**
 * Answers to pipelined commands that wait for a next hop, given in the order of the commands (RFC 2920 section 3.2).
 */

export class AnswerQueue {
  /** Answers that were not given yet. */
  waiting = 0;
  /** Answers given since nothing was due. */
  given = 0;
  private tail: Promise<void> = Promise.resolve();

  /**
   * Calls `say` with what `work` comes to, after every answer before it. A rejection of `work`, or an error of `say`,
   * goes to `fault` in its place.
   */
  add<Outcome>(
    work: Promise<Outcome>,
    say: (outcome: Outcome) => void,
    fault: (error: unknown) => void,
  ): void {
    if (this.waiting === 0) this.given = 0;
    this.waiting += 1;
    const before = this.tail;
    const settled = work.then(
      (outcome) => () => say(outcome),
      (error: unknown) => () => fault(error),
    );
    this.tail = settled.then(async (speak) => {
      await before;
      this.waiting -= 1;
      this.given += 1;
      try {
        speak();
      } catch (error) {
        fault(error);
      }
    });
  }

  /** Calls `then` when every answer was given, at once when none is due. */
  settled(then: () => void): void {
    if (this.waiting === 0) then();
    else void this.tail.then(() => this.settled(then));
  }
}
